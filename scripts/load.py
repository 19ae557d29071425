#!/usr/bin/env python3
"""Turns public interaction data into fovea's event and item logs.

    load.py movielens ml-latest-small --out data/ml
    load.py online-retail "Online Retail.xlsx" --out data/retail
    load.py delimited clicks.csv --user visitor --item sku --ts when --ts-unit iso --out data/mine

Writes OUT/events.ndjson, stably sorted by time (file order inside equal times), and
OUT/items.ndjson, one line for every item of which more than the id is known. Files ending in .xz
or .gz are read as they are. Standard library only. The sets, as their publishers lay them out:

    movielens       ratings.csv, ratings.dat or u.data, with movies and tags (grouplens.org)
    movietweetings  ratings.dat, movies.dat
    online-retail   UCI Online Retail, I or II: workbook, .csv or .tsv
    diginetica      train-item-views.csv, product-categories.csv (CIKM Cup 2016); or period, session, item
    globo           clicks/clicks_hour_*.csv, articles_metadata.csv; or one clicks.tsv
    mind            behaviors.tsv, news.tsv (msnews.github.io)
    nowplaying      a session a line, or nowplaying.csv of the session-rec collection
    session-lines, session-table   any file of either form
    trivago         train.csv, item_metadata.csv (RecSys Challenge 2019)
    trec-session    sessiontrackYYYY.xml
    open-bandit     men.csv, women.csv or all.csv, item_context.csv (ZOZO)
    delimited       any text file with one event a line
"""
import argparse
import csv
import json
import lzma
import os
import pathlib
import sys
import xml.etree.ElementTree as ElementTree
import zipfile

from loader import delimited, films, news, search, sessions, shops, slates
from loader.log import Log, Progress

SETS = {**films.SETS, **shops.SETS, **news.SETS, **sessions.SETS, **search.SETS, **slates.SETS,
        **delimited.SETS}


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
    parser.add_argument("--impressions", action="store_true",
                        help="mind, trivago, trec-session: what was shown is an event, too")
    parser.add_argument("--type", default="click",
                        help="delimited, session-*: of every event (default: click)")
    group = parser.add_argument_group("delimited")
    group.add_argument("--columns", metavar="NAME,...", default=[], help="the file names none",
                       type=lambda text: [name for name in text.split(",") if name])
    group.add_argument("--user", metavar="COLUMN")
    group.add_argument("--item", metavar="COLUMN")
    group.add_argument("--ts", metavar="COLUMN", help="left out: rows are one second apart")
    group.add_argument("--ts-unit", choices=("s", "ms", "us", "iso"), default="s")
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
    except (OSError, EOFError, lzma.LZMAError, csv.Error, zipfile.BadZipFile,
            ElementTree.ParseError) as error:
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
    users, items = ({event[column] for event in events if event[column]} for column in (2, 3))
    print(f"{options.set}: {len(events)} events of {len(users)} users and {len(items)} items, "
          f"{len(log.items)} described -> {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
