"""Any text file with one event a line."""
from loader.log import FIRST_SECOND, number, table, when


def delimited(source, log, options):
    """Columns are named by the first line, or by --columns where the file does not say."""
    if not options.user or not options.item:
        raise SystemExit("load.py: delimited needs --user COLUMN and --item COLUMN")
    rows = table(source, log.progress, options.columns or None, options.delimiter)
    asked = [options.user, options.item, options.ts, options.value, options.type_column]
    asked += options.context
    for column in filter(None, asked):
        if column not in rows.fieldnames:
            raise SystemExit(f"load.py: {source.name} has no column {column!r}; it has "
                             + ", ".join(rows.fieldnames))
    scale = {"s": 1000, "ms": 1, "us": 0.001}

    def time(row):
        if not options.ts:
            return (FIRST_SECOND + len(log.events)) * 1000
        if options.ts_unit == "iso":
            return when(row[options.ts])
        return round(number(row[options.ts]) * scale[options.ts_unit])

    log.rows(source, rows, lambda row: log.event(
        row[options.user], row[options.type_column] if options.type_column else options.type,
        row[options.item], time(row), value=number(row[options.value]) if options.value else None,
        context={column: row[column] for column in options.context if row[column]}))


SETS = {"delimited": delimited}
