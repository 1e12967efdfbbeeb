"""Which format a workbook has, by its contents."""

import zipfile
from typing import BinaryIO

from importexport import errors
from importexport.files.workbooks import ods
from importexport.files.workbooks.archive import Archive
from importexport.files.workbooks.sheets import Workbook
from importexport.files.workbooks.xlsx import Xlsx, relations

#: What stands at the start of workbooks: the names of their first parts, or their type.
HEAD, FIRST_PARTS = 4096, (b"[Content_Types].xml", b"_rels/", b"xl/", b"mimetypeapplication/vnd.oasis")


def open_workbook(file: BinaryIO) -> Workbook:
    """Open a workbook; raise FileError (NotCsv) if it is something else."""
    head = file.read(HEAD)
    file.seek(0)
    if not head.startswith(b"PK"):
        from importexport.files.workbooks.xls import open_xls  # noqa: PLC0415 - xlrd is loaded where it is needed

        return open_xls(file)
    try:
        archive = Archive(file)
    except zipfile.BadZipFile:
        if any(name in head for name in FIRST_PARTS):
            raise errors.damaged_workbook() from None
        raise errors.NotCsv("a ZIP archive") from None
    if archive.head("mimetype", 100).startswith(ods.TYPE):
        return ods.Ods(archive)
    path = next((path for kind, path in relations(archive, "").values() if kind == "officeDocument"), "")
    if path.endswith(".bin"):
        raise errors.NotCsv("a binary Excel workbook (.xlsb)")
    if path and b"workbook" in archive.head(path, 4096):
        return Xlsx(archive, path)
    raise errors.NotCsv("a ZIP archive")
