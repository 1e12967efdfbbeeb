"""What can be wrong with the storage of uploaded files, and with a file in it."""

from importexport.errors.files import FileError


class StorageUnavailable(Exception):
    """The storage cannot be used at this moment: it cannot be reached, or is full. The cause says why, for the log."""

    def __init__(self, *, is_full: bool = False) -> None:
        super().__init__(STORAGE_FULL if is_full else STORAGE_AWAY)

    @property
    def reason(self) -> str:
        """What the storage said."""
        return str(self.__cause__ or "")


class UploadLost(FileError):
    """The file of an import is not in the storage as it was stored."""

    def __init__(self, sentence: str) -> None:
        super().__init__("upload_lost", sentence)


STORAGE_AWAY = "The storage of uploaded files cannot be used at this moment. Nothing was stored. Try again later."
STORAGE_FULL = "The storage of uploaded files has no space left. Nothing was stored. Try again later."


def upload_missing() -> UploadLost:
    return UploadLost("The uploaded file is missing from the storage. Nothing was imported; send the file again.")


def upload_cut(found: int, stored: int) -> UploadLost:
    """Return the error of a file with another size than was stored, in bytes."""
    return UploadLost(
        f"The uploaded file has {found} bytes in the storage, where {stored} were stored. Nothing was imported; send"
        " the file again."
    )


def upload_changed() -> UploadLost:
    return UploadLost(
        "The uploaded file was changed in the storage since it was sent. Nothing was imported; send the file again."
    )
