"""The rows of an Excel workbook's first sheet, for sets that are published as one.

Source    ECMA-376, part 1: sheets (18.3), shared strings (18.4); dates are days since 1899-12-30.
"""
import datetime
import re
import xml.etree.ElementTree as ElementTree
import zipfile

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def excel_date(days):
    """'40513.35' as it stands in a cell -> '2010-12-01 08:24:00'."""
    moment = datetime.datetime(1899, 12, 30) + datetime.timedelta(seconds=round(float(days) * 86400))
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def workbook(path):
    """Dictionaries by the names in the first row; every value as text, empty where there is none."""
    with zipfile.ZipFile(path) as archive:
        strings = shared_strings(archive)
        with archive.open("xl/worksheets/sheet1.xml") as sheet:
            columns = None
            for cells in rows(sheet, strings):
                if columns is None:
                    columns = cells
                else:
                    yield {name: cells.get(at, "") for at, name in columns.items()}


def shared_strings(archive):
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    with archive.open("xl/sharedStrings.xml") as stream:
        return ["".join(text.text or "" for text in entry.iter(MAIN + "t"))
                for _, entry in ElementTree.iterparse(stream) if entry.tag == MAIN + "si"]


def rows(sheet, strings):
    """Each row as {column letters: text}."""
    for _, row in ElementTree.iterparse(sheet):
        if row.tag != MAIN + "row":
            continue
        cells = {}
        for cell in row.iter(MAIN + "c"):
            value = cell.find(MAIN + "v")
            if cell.get("t") == "inlineStr":
                text = "".join(part.text or "" for part in cell.iter(MAIN + "t"))
            elif value is None:
                continue
            else:
                text = strings[int(value.text)] if cell.get("t") == "s" else value.text or ""
            cells[re.sub("[0-9]", "", cell.get("r"))] = text
        row.clear()
        yield cells
