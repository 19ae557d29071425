#!/usr/bin/env python3
"""Turns public interaction data into fovea's event and item logs.

    load.py movielens ml-latest-small --out data/ml
    load.py online-retail online_retail.tsv.xz --out data/retail
    load.py delimited clicks.csv --user visitor --item sku --ts when --ts-unit iso --out data/mine

Writes OUT/events.ndjson, stably sorted by time (file order inside equal times), and
OUT/items.ndjson, one line for every item of which more than the id is known. Files ending in .xz
or .gz are read as they are. Standard library only.
"""
import argparse
import csv
import datetime
import gzip
import io
import json
import lzma
import os
import pathlib
import re
import sys
import time

# Where a log has an order but no clock, one event is one second from here on (2020-01-01).
FIRST_SECOND = 1_577_836_800

MOVIELENS_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western")


class BadRow(Exception):
    """One row that cannot become an event; it is counted and the first ones are named."""


class Progress:
    """How far the reading is, on stderr: one live line on a terminal, else a line now and then."""

    def __init__(self):
        self.live = sys.stderr.isatty()
        self.begun = time.monotonic()
        self.next_report = self.begun + (0.2 if self.live else 5)
        self.lines = 0

    def advance(self, name, raw, size):
        self.lines += 1
        if self.lines % 1024:
            return
        now = time.monotonic()
        if now < self.next_report:
            return
        self.next_report = now + (0.2 if self.live else 5)
        share = 100 * raw.tell() // max(size, 1)
        text = f"{name}: {share:3d} %  {self.lines / (now - self.begun):,.0f} lines/s"
        print(f"\r{text}\033[K" if self.live else text, end="" if self.live else "\n",
              file=sys.stderr, flush=True)

    def clear(self):
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


class Log:
    """What a reader hands over: events in file order, items as they become known."""

    def __init__(self, progress):
        self.progress = progress
        self.events = []  # (time in ms, line, user, item)
        self.items = {}
        self.bad_rows = 0
        self.first_bad = []

    def event(self, user, kind, item, ts, value=None, context=None):
        if not user or not item:
            raise BadRow("no user" if not user else "no item")
        event = {"user": user, "type": kind, "item": item, "ts": ts}
        if value is not None:
            event["value"] = value
        if context:
            event["context"] = context
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        self.events.append((ts, line, sys.intern(user), sys.intern(item)))

    def ordered_event(self, user, kind, item):
        self.event(user, kind, item, (FIRST_SECOND + len(self.events)) * 1000)

    def item(self, item_id, **fields):
        known = self.items.setdefault(item_id, {"id": item_id})
        known.update((name, value) for name, value in fields.items() if value)

    def rows(self, path, rows, handle):
        """Calls handle(row) for each row; a row that it refuses is counted."""
        for number, row in enumerate(rows, 1):
            try:
                handle(row)
            except (BadRow, KeyError, IndexError, ValueError, TypeError) as error:
                self.bad_rows += 1
                if len(self.first_bad) < 3:
                    reason = error if isinstance(error, BadRow) else f"cannot be read ({error!r})"
                    self.first_bad.append(f"{path.name}, row {number}: {reason}")


def lines(path, progress):
    """The file's lines as text: UTF-8, or Latin-1 for a line that is not."""
    size = path.stat().st_size
    with open(path, "rb") as raw:
        opened = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix)
        stream = io.BufferedReader(opened(raw), 1 << 20) if opened else raw
        for line in stream:
            progress.advance(path.name, raw, size)
            try:
                yield line.decode("utf8")
            except UnicodeDecodeError:
                yield line.decode("latin-1")


def find(directory, *names):
    """The first of names in the directory, packed or not; None if there is none."""
    for name in names:
        for suffix in ("", ".xz", ".gz"):
            path = directory / (name + suffix)
            if path.is_file():
                return path
    return None


def need(source, *names):
    """source itself if it is a file, else one of names inside it."""
    if source.is_file():
        return source
    path = find(source, *names)
    if path is None:
        raise SystemExit(f"load.py: {source} holds none of {', '.join(names)}")
    return path


def number(text):
    value = float(text)
    return int(value) if value.is_integer() else value


def title_and_year(text):
    """'Heat (1995)' -> the title as it is, and {'year': 1995}."""
    match = re.search(r"\((\d{4})\)\s*$", text)
    return text.strip(), {"year": int(match.group(1))} if match else {}


# --- one function a set: (source, log, options) -------------------------------------------------


def movielens(source, log, options):
    """ratings.csv, ratings.dat or u.data, with the films beside it."""
    ratings = need(source, "ratings.csv", "ratings.dat", "u.data")
    name = ratings.name.removesuffix(".xz").removesuffix(".gz")
    if name.endswith(".csv"):
        rows = csv.DictReader(lines(ratings, log.progress))
        fields = ("userId", "movieId", "rating", "timestamp")
        rows = ([row[field] for field in fields] for row in rows)
    else:
        separator = "::" if name.endswith(".dat") else "\t"
        rows = (line.split(separator) for line in lines(ratings, log.progress))

    def rated(row):
        user, item, rating, seconds = row
        log.event(user, "rate", item, int(seconds) * 1000, number(rating))

    log.rows(ratings, rows, rated)
    films(ratings.parent, log)
    if options.tags:
        tags(ratings.parent, log)


def films(directory, log):
    """movies.csv, movies.dat or u.item of the directory, where there is one."""
    path = find(directory, "movies.csv", "movies.dat", "u.item")
    if path is None:
        return
    text = lines(path, log.progress)
    if ".csv" in path.suffixes:
        rows = ((row["movieId"], row["title"], row["genres"].split("|"))
                for row in csv.DictReader(text))
    elif ".dat" in path.suffixes:
        parts = (line.rstrip("\r\n").split("::") for line in text)
        rows = ((row[0], row[1], row[2].split("|")) for row in parts)
    else:
        parts = (line.rstrip("\r\n").split("|") for line in text)
        rows = ((row[0], row[1], [genre for genre, flag in zip(MOVIELENS_GENRES, row[5:])
                                  if flag == "1"]) for row in parts)

    def film(row):
        item, text, genres = row
        title, attributes = title_and_year(text)
        genres = [genre for genre in genres if genre and genre != "(no genres listed)"]
        log.item(item, title=title, categories=genres, attributes=attributes)

    log.rows(path, rows, film)


def tags(directory, log):
    path = find(directory, "tags.csv")
    if path is None:
        return
    of_item = {}
    log.rows(path, csv.DictReader(lines(path, log.progress)), lambda row: of_item.setdefault(
        row["movieId"], {}).setdefault(row["tag"].strip().lower(), None))
    for item, names in of_item.items():
        log.item(item, tags=[name for name in names if name][:20])


def online_retail(source, log, _):
    """UCI Online Retail. Rows without a customer and cancellations are not events."""
    path = need(source, "online_retail.tsv", "online_retail.csv", "OnlineRetail.csv")
    text = lines(path, log.progress)
    header = next(text).rstrip("\r\n")
    tabs = "\t" in header
    columns = header.split("\t" if tabs else ",")
    rows = csv.DictReader(text, fieldnames=columns, delimiter="\t" if tabs else ",",
                          quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL)

    def line(row):
        # Elsewhere the description is often a stock-keeper's remark ("damaged", "?").
        if not row["CustomerID"] or row["InvoiceNo"].startswith("C"):
            return
        item = row["StockCode"]
        log.event(row["CustomerID"].removesuffix(".0"), "purchase", item,
                  invoice_time(row["InvoiceDate"]), number(row["Quantity"]))
        if item not in log.items:
            log.item(item, title=row["Description"].strip())

    log.rows(path, rows, line)


def invoice_time(text):
    form = "%m/%d/%Y %H:%M" if "/" in text else "%Y-%m-%d %H:%M"
    if text.count(":") == 2:
        form += ":%S"
    when = datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)
    return int(when.timestamp()) * 1000


def globo(source, log, _):
    """Globo.com clicks, with the circumstances of each click as its context."""
    path = need(source, "clicks.tsv")
    rows = csv.DictReader(lines(path, log.progress), delimiter="\t", quoting=csv.QUOTE_NONE)
    # Codes, not quantities: as strings they are values of a category.
    fields = ("device", "country", "region", "referrer")
    log.rows(path, rows, lambda row: log.event(
        row["user_id"], "click", row["item_id"], int(row["timestamp_ms"]),
        context={field: row[field] for field in fields if row[field]}))


def diginetica(source, log, _):
    """Clicks of Diginetica's shops, in order; a session is a user."""
    path = need(source, "events.tsv")
    rows = csv.DictReader(lines(path, log.progress), delimiter="\t")
    log.rows(path, rows, lambda row: log.ordered_event(row["session"], "click", row["item"]))


def nowplaying(source, log, _):
    """A session a line, its tracks in the order they were played; a session is a user."""
    path = need(source, "sessions.txt")

    def played(row):
        session, line = row
        for item in line.replace(",", " ").split():
            log.ordered_event(str(session), "play", item)

    log.rows(path, enumerate(lines(path, log.progress)), played)


def delimited(source, log, options):
    """Any text file whose first line names its columns."""
    if not options.user or not options.item:
        raise SystemExit("load.py: delimited needs --user COLUMN and --item COLUMN")
    path = source
    text = lines(path, log.progress)
    header = next(text, "").rstrip("\r\n").removeprefix("\ufeff")
    delimiter = options.delimiter or max("\t,;|", key=header.count)
    columns = next(csv.reader([header], delimiter=delimiter), [])
    asked = [options.user, options.item, options.ts, options.value, options.type_column]
    asked += options.context
    for column in filter(None, asked):
        if column not in columns:
            raise SystemExit(f"load.py: {path.name} has no column {column!r}; it has "
                             + ", ".join(columns))
    scale = {"s": 1000, "ms": 1, "us": 0.001}

    def when(row):
        if not options.ts:
            return (FIRST_SECOND + len(log.events)) * 1000
        if options.ts_unit != "iso":
            return round(number(row[options.ts]) * scale[options.ts_unit])
        moment = datetime.datetime.fromisoformat(re.sub("[zZ]$", "+00:00", row[options.ts].strip()))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        return round(moment.timestamp() * 1000)

    log.rows(path, csv.DictReader(text, fieldnames=columns, delimiter=delimiter), lambda row: log.event(
        row[options.user], row[options.type_column] if options.type_column else options.type,
        row[options.item], when(row), number(row[options.value]) if options.value else None,
        {column: row[column] for column in options.context if row[column]}))


SETS = {
    "movielens": movielens, "movietweetings": movielens, "online-retail": online_retail,
    "globo": globo, "diginetica": diginetica, "nowplaying": nowplaying, "delimited": delimited}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS, metavar="SET", help=", ".join(SETS))
    parser.add_argument("source", type=pathlib.Path, metavar="SRC", help="the file, or the set's directory")
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N events in time")
    parser.add_argument("--tags", action="store_true",
                        help="movielens: tags.csv too; they are of the whole period, so an "
                        "evaluation that uses them has seen the future")
    group = parser.add_argument_group("delimited")
    group.add_argument("--user", metavar="COLUMN")
    group.add_argument("--item", metavar="COLUMN")
    group.add_argument("--ts", metavar="COLUMN", help="left out: rows are one second apart")
    group.add_argument("--ts-unit", choices=("s", "ms", "us", "iso"), default="s")
    group.add_argument("--type", default="click", help="of every event (default: click)")
    group.add_argument("--type-column", metavar="COLUMN", help="the type is in the file")
    group.add_argument("--value", metavar="COLUMN")
    group.add_argument("--context", metavar="COLUMN,...", default=[],
                       type=lambda text: [name for name in text.split(",") if name])
    group.add_argument("--delimiter", help="default: the likeliest of tab , ; |",
                       type=lambda text: "\t" if text == "\\t" else text)
    return parser.parse_args()


def write(path, rows):
    """All or nothing: a run that was stopped leaves no half file under the name."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", encoding="utf8", newline="\n") as file:
        for row in rows:
            file.write(row + "\n")
    os.replace(partial, path)


def main():
    options = arguments()
    if not options.source.exists():
        raise SystemExit(f"load.py: {options.source} does not exist")
    log = Log(Progress())
    try:
        SETS[options.set](options.source, log, options)
    except (OSError, EOFError, lzma.LZMAError, csv.Error) as error:
        raise SystemExit(f"load.py: {options.source}: {error}") from error
    finally:
        log.progress.clear()
    for line in log.first_bad:
        print(f"left out: {line}", file=sys.stderr)
    if log.bad_rows > len(log.first_bad):
        print(f"left out: {log.bad_rows} rows in all", file=sys.stderr)
    if not log.events:
        raise SystemExit(f"load.py: no event in {options.source}")

    log.events.sort(key=lambda event: event[0])
    events = log.events[:options.limit]
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "events.ndjson", (event[1] for event in events))
    write(options.out / "items.ndjson",
          (json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in log.items.values()))
    users, items = ({event[column] for event in events} for column in (2, 3))
    print(f"{options.set}: {len(events)} events of {len(users)} users and {len(items)} items, "
          f"{len(log.items)} described -> {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
