"""The storage of uploads, as RALLY_STORAGE_URL names it."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from rally.storage import from_environment

HOME = Path("/srv/rally")


def options(url):
    return from_environment(url=url, home=HOME)["OPTIONS"]


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        (None, "/srv/rally/uploads"),
        ("", "/srv/rally/uploads"),
        ("file:///mnt/shared/rally", "/mnt/shared/rally"),
        ("file:///mnt/my%20share/", "/mnt/my share"),
    ],
)
def test_files_are_in_a_folder(url, folder):
    found = from_environment(url=url, home=HOME)
    assert found["BACKEND"] == "django.core.files.storage.FileSystemStorage"
    assert (found["OPTIONS"]["location"], found["OPTIONS"]["file_permissions_mode"]) == (folder, 0o600)


def test_a_bucket_has_a_key_a_folder_and_a_region():
    found = options("s3://AKIATEST:a%2Fb%2Bc@rally.files/some/folder?region=eu-central-1")
    assert (found["access_key"], found["secret_key"]) == ("AKIATEST", "a/b+c")
    assert (found["bucket_name"], found["location"]) == ("rally.files", "some/folder")
    assert (found["region_name"], found.get("endpoint_url")) == ("eu-central-1", None)


def test_a_bucket_without_a_key_leaves_it_to_the_environment():
    assert {"access_key", "secret_key"} & options("s3://rally").keys() == set()


def test_a_server_of_its_own_has_its_buckets_by_path():
    found = options("s3://key:secret@rally?endpoint=http://minio:9000")
    assert found["endpoint_url"] == "http://minio:9000"
    assert found["client_config"].s3 == {"addressing_style": "path"}


FORMS = "Expected s3://KEY:SECRET@bucket/folder?region=eu-central-1&endpoint=https://host:port, or file:///folder."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("/mnt/shared", f"begins with neither s3:// nor file://. {FORMS}"),
        ("https://key:secret@rally.s3.amazonaws.com", f"begins with neither s3:// nor file://. {FORMS}"),
        ("s3://", f"names no bucket. {FORMS}"),
        ("s3://key:secret@/folder", f"names no bucket. {FORMS}"),
        ("s3://Rally_Files", f"names no bucket. {FORMS}"),
        ("s3://key:secret@[minio/rally", f"is not a URL. {FORMS}"),
        ("s3://key:secret@minio:port/rally", f"is not a URL. {FORMS}"),
        (
            "s3://key:secret@minio:9000/rally",
            "names a port where the bucket is expected; the server goes into endpoint=https://host:port.",
        ),
        (
            "s3://key@rally",
            "has a key without a secret, or a secret without a key. Expected s3://KEY:SECRET@bucket.",
        ),
        ("s3://rally?scheme=http", "has the unknown parameter 'scheme'. Expected: region, endpoint."),
        ("s3://rally?region=", "has no value for 'region'."),
        (
            "s3://rally?endpoint=minio:9000",
            "has no URL of a server as endpoint. Expected endpoint=https://host:port.",
        ),
        ("file://mnt/shared", "names no folder. Expected file:///folder, with three slashes."),
        ("file:///", "names no folder. Expected file:///folder, with three slashes."),
    ],
)
def test_a_wrong_url_is_a_sentence_without_its_secret(url, sentence):
    with pytest.raises(ImproperlyConfigured) as wrong:
        from_environment(url=url, home=HOME)
    assert str(wrong.value) == f"RALLY_STORAGE_URL {sentence}"
