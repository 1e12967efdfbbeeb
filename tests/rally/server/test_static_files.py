"""Static files are collected when a server starts, unless they are those of last time."""

import os

import pytest

from rally.server import static_files


@pytest.fixture
def style(settings, tmp_path):
    """A style sheet to be collected, alone."""
    folder = tmp_path / "ours"
    folder.mkdir()
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [folder], tmp_path / "data" / "static"
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT.mkdir(parents=True)
    path = folder / "style.css"
    path.write_text("a { color: red }")
    return path


def test_they_are_collected_once(style, settings):
    assert static_files.collect()
    assert (settings.STATIC_ROOT / "style.css").read_text() == "a { color: red }"
    assert not static_files.collect()


def test_a_file_that_was_changed_is_collected_again(style, settings):
    static_files.collect()
    style.write_text("a { color: tan }")
    os.utime(style, (2_000_000_000, 2_000_000_000))
    assert static_files.collect()
    assert (settings.STATIC_ROOT / "style.css").read_text() == "a { color: tan }"


def test_a_new_file_is_collected_too(style, settings):
    static_files.collect()
    style.with_name("new.css").write_text("b { color: red }")
    assert static_files.collect()
    assert (settings.STATIC_ROOT / "new.css").exists()


def test_files_that_somebody_has_deleted_are_collected_again(style, settings):
    static_files.collect()
    for path in settings.STATIC_ROOT.iterdir():
        path.unlink()
    assert static_files.collect()
    assert (settings.STATIC_ROOT / "style.css").exists()


def test_what_was_interrupted_is_begun_anew(style, settings):
    static_files.collect()
    before = style.stat().st_mtime_ns
    os.utime(style, ns=(before, before + 1))
    kept = settings.STATIC_ROOT.rename(settings.STATIC_ROOT.with_name("kept"))
    settings.STATIC_ROOT.write_text("not a folder")
    with pytest.raises(OSError, match="static"):
        static_files.collect()
    settings.STATIC_ROOT.unlink()
    kept.rename(settings.STATIC_ROOT)
    os.utime(style, ns=(before, before))
    assert static_files.collect()
