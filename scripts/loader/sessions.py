"""Files of sessions: lines of items, or tables of SessionId, ItemId and Time."""
from loader.log import lines, need, number, table, when


def nowplaying(source, log, options):
    """#nowplaying as a session a line, or as the table of the session-rec collection."""
    path = need(source, "sessions.txt", "nowplaying.csv", "nowplaying.txt")
    if path.name.startswith("nowplaying"):
        session_table(path, log, options)
    else:
        session_lines(path, log, options)


def session_lines(source, log, options):
    """A session a line, its items in order, divided by blanks or commas; a session is a user."""
    path = need(source, "sessions.txt")
    kind = "play" if options.set == "nowplaying" else options.type

    def session(row):
        number_of_line, line = row
        for item in line.replace(",", " ").split():
            log.ordered_event(str(number_of_line), kind, item)

    log.rows(path, enumerate(lines(path, log.progress)), session)


def session_table(source, log, options):
    """SessionId, ItemId, Time (seconds, or ISO) and perhaps UserId, as many sets are passed around."""
    path = need(source, "sessions.csv", "sessions.tsv")
    kind = "play" if options.set == "nowplaying" else options.type

    def row_event(row):
        time = row["Time"]
        ts = when(time) if ":" in time else round(number(time) * 1000)
        log.event(row.get("UserId") or row["SessionId"], kind, row["ItemId"], ts,
                  session=row["SessionId"] if row.get("UserId") else None)

    log.rows(path, table(path, log.progress), row_event)


SETS = {"nowplaying": nowplaying, "session-lines": session_lines, "session-table": session_table}
