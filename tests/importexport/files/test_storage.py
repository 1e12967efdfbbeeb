"""Files in a folder and in a bucket."""

import hashlib
import stat
import tracemalloc
from pathlib import Path

import pytest
from django.core.files.storage import storages

from importexport import errors
from importexport.files import storage
from importexport.files.storage import Stored
from tests.support.disks import limited_files

MB = 1024 * 1024
#: Pieces of various sizes, larger together than a part of a transfer to a bucket.
PIECES = [b"a" * 300_000, b"", b"b" * 7, *[b"c" * MB] * 9]
CONTENT = b"".join(PIECES)
STORED = Stored(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
NAME = "7/8c1c7a10-6f96-4ff8-8b86-d011b42d00c0"


@pytest.fixture(params=["folder", "bucket"])
def kept(request):
    """The storage, of each kind."""
    request.getfixturevalue(f"{request.param}_of_uploads")
    return storages["uploads"]


def put(name, content):
    """Store a file past our own code."""
    storages["uploads"].delete(name)
    with storages["uploads"].open(name, "wb") as file:
        file.write(content)


def test_a_file_is_as_it_was_stored(kept):
    assert storage.write(NAME, iter(PIECES)) == STORED
    with storage.open_stored(NAME, STORED) as file:
        assert file.read(5) == b"aaaaa"
        assert file.seekable()
        file.seek(0)
        assert file.read() == CONTENT


@pytest.mark.parametrize(
    ("start", "end"), [(0, len(CONTENT)), (299_999, 300_010), (len(CONTENT) - 1, len(CONTENT)), (5, 5)]
)
def test_a_part_of_a_file_is_read(kept, start, end):
    storage.write(NAME, iter(PIECES))
    assert b"".join(storage.read_range(NAME, start, end)) == CONTENT[start:end]


def test_a_part_of_a_missing_file_is_told(kept):
    with pytest.raises(errors.UploadLost):
        list(storage.read_range(NAME, 0, 1))


def test_an_empty_file_is_stored(kept):
    stored = storage.write(NAME, [])
    assert stored.size == 0
    with storage.open_stored(NAME, stored) as file:
        assert file.read() == b""


def test_a_file_takes_the_place_of_another(kept):
    storage.write(NAME, [b"a long one"])
    stored = storage.write(NAME, [b"short"])
    with storage.open_stored(NAME, stored) as file:
        assert file.read() == b"short"


def test_an_error_of_what_is_read_is_raised_and_leaves_nothing(kept):
    def pieces():
        yield b"x" * 9 * MB
        raise OSError("the source")

    with pytest.raises(OSError, match="the source"):
        storage.write(NAME, pieces())
    assert storage.listed("7")[1] == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "The uploaded file is missing from the storage."),
        (b"a,b\n1,", "The uploaded file has 6 bytes in the storage, where 8 were stored."),
        (b"a,b\n1,3\n", "The uploaded file was changed in the storage since it was sent."),
    ],
    ids=["missing", "cut", "changed"],
)
def test_a_file_that_is_not_as_it_was_stored_is_told(kept, content, sentence):
    stored = storage.write(NAME, [b"a,b\n1,2\n"])
    if content is None:
        storage.delete(NAME)
    else:
        put(NAME, content)
    with pytest.raises(errors.UploadLost) as lost:
        storage.open_stored(NAME, stored)
    assert str(lost.value) == f"{sentence} Nothing was imported; send the file again."


def test_files_are_listed_by_folder(kept):
    storage.write(NAME, [b"x"])
    storage.write("7/exports/a", [b"x"])
    storage.write("8/b", [b"x"])
    assert sorted(storage.listed()[0]) == ["7", "8"]
    assert storage.listed("7") == (["exports"], [NAME.partition("/")[2]])
    assert storage.listed("9") == ([], [])


def test_a_file_that_is_gone_can_be_deleted(kept):
    storage.write(NAME, [b"x"])
    storage.delete(NAME)
    storage.delete(NAME)
    assert storage.listed("7")[1] == []
    assert storage.modified_at(NAME) is None


def test_files_in_a_folder_are_private(folder_of_uploads):
    storage.write(NAME, [b"x"])
    path = Path(storages["uploads"].path(NAME))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_large_file_takes_no_more_memory_than_a_piece(folder_of_uploads):
    tracemalloc.start()
    try:
        stored = storage.write(NAME, (bytes(MB // 4) for _ in range(100)))
        storage.open_stored(NAME, stored).close()
        assert tracemalloc.get_traced_memory()[1] < 2 * MB
    finally:
        tracemalloc.stop()


def test_a_full_disk_is_told_and_leaves_nothing(folder_of_uploads):
    with limited_files(MB), pytest.raises(errors.StorageUnavailable) as full:
        storage.write(NAME, [b"x" * MB, b"y"])
    assert str(full.value) == errors.STORAGE_FULL
    assert full.value.reason == "[Errno 27] File too large"
    assert storage.listed("7")[1] == []


def test_a_server_that_is_away_is_told(bucket_of_uploads):
    stored = storage.write(NAME, [b"x"])
    bucket_of_uploads.stop()
    for use in (
        lambda: storage.write(NAME, [b"x"]),
        lambda: storage.open_stored(NAME, stored),
        lambda: storage.delete(NAME),
        storage.listed,
    ):
        with pytest.raises(errors.StorageUnavailable) as away:
            use()
        assert str(away.value) == errors.STORAGE_AWAY


def test_a_bucket_that_is_missing_is_told(bucket_of_uploads):
    storages["uploads"].bucket_name = "another"
    with pytest.raises(errors.StorageUnavailable) as away:
        storage.write(NAME, [b"x"])
    assert "NoSuchBucket" in away.value.reason
