"""What every loader hands over, and how text files are read."""
import csv
import datetime
import gzip
import io
import itertools
import json
import lzma
import re
import sys
import time

# Where a log has an order but no clock, one event is one second from here on (2020-01-01).
FIRST_SECOND = 1_577_836_800


class BadRow(Exception):
    """One row that cannot become an event; it is counted and the first ones are named."""


class Progress:
    """How far the reading is, on stderr: one live line on a terminal, else a line now and then."""

    def __init__(self, unit="lines"):
        self.unit = unit
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
        text = f"{name}: {share:3d} %  {self.lines / (now - self.begun):,.0f} {self.unit}/s"
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

    def event(self, user, kind, item, ts, **fields):
        """fields as in the event contract; those without a value are left out."""
        if not user or not (item or kind in ("search", "impression")):
            raise BadRow("no user" if not user else "no item")
        event = {"user": user, "type": kind}
        if item:
            event["item"] = item
        event["ts"] = ts
        event.update((name, value) for name, value in fields.items()
                     if value is not None and value != "" and value != {})
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


def when(text, *forms):
    """Milliseconds of a time in UTC, in the first of the forms of strptime that fits; else ISO 8601."""
    text = text.strip()
    for form in forms:
        try:
            moment = datetime.datetime.strptime(text, form)
            break
        except ValueError:
            continue
    else:
        moment = datetime.datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000)


def table(path, progress, columns=None, delimiter=None, quoting=csv.QUOTE_MINIMAL):
    """Rows as dictionaries; columns are named by the first line unless they are given."""
    text = lines(path, progress)
    if columns is None or delimiter is None:
        first = next(text, "").rstrip("\r\n").removeprefix("\ufeff")
        delimiter = delimiter or max("\t,;|", key=first.count)
        if columns is None:
            columns = next(csv.reader([first], delimiter=delimiter), [])
        else:
            text = itertools.chain([first + "\n"], text)
    return csv.DictReader(text, fieldnames=columns, delimiter=delimiter, quoting=quoting)
