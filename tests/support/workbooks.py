"""Workbooks for tests, made by openpyxl or by hand."""

import io
import zipfile

import openpyxl

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def made(*rows, **sheets):
    """Return a workbook with a sheet of some rows, or with several sheets by name."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, content in (sheets or {"Sheet1": rows}).items():
        sheet = book.create_sheet(name)
        for row in content:
            sheet.append(row)
    return saved(book)


def saved(book):
    """Return a workbook of openpyxl as a file."""
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def written(rows, *, strings="", styles="", sheets=None, workbook="", behind="", method=zipfile.ZIP_DEFLATED, **parts):
    """Return a workbook of which the XML is given: ``rows`` stand in sheetData, ``behind`` behind it."""
    sheets = sheets or {"Sheet1": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{behind}</worksheet>'}
    names = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
    targets = [("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)]
    targets += [("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")]
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{workbook}<sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(targets),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles or "<cellXfs><xf/></cellXfs>"}</styleSheet>',
        **{f"xl/worksheets/sheet{i}.xml": xml for i, xml in enumerate(sheets.values(), 1)},
        **parts,
    }
    return zipped(files, method)


def relations(targets):
    """Return a part that refers to others: kind, path."""
    items = "".join(
        f'<Relationship Id="r{i}" Type="{RELATIONS}/{kind}" Target="{path}"/>'
        for i, (kind, path) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}">{items}</Relationships>'


def zipped(files, method=zipfile.ZIP_DEFLATED):
    """Return a ZIP archive of some files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def ods(rows, *, behind=""):
    """Return an ODS file with a sheet of some rows, and what stands behind it."""
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{namespace}:1.0"'
        for name, namespace in (("office", "office"), ("table", "table"), ("text", "text"), ("draw", "drawing"))
    )
    content = (
        f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="S">{rows}'
        f"</table:table>{behind}</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content})
