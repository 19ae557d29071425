"""Globo.com and MIND."""
import csv

from loader.log import BadRow, find, lines, need, table, when


def globo(source, log, _):
    """Clicks with their circumstances: one clicks.tsv, or the published clicks_hour_*.csv."""
    folder = source / "clicks" if (source / "clicks").is_dir() else source
    hours = sorted(folder.glob("clicks_hour_*.csv")) if folder.is_dir() else []
    for path in hours or [need(source, "clicks.tsv")]:
        read_clicks(path, log, published=bool(hours) or path.name.startswith("clicks_hour_"))
    articles = find(source, "articles_metadata.csv") if source.is_dir() else None
    if articles:
        log.rows(articles, table(articles, log.progress), lambda row: log.item(
            row["article_id"], categories=[row["category_id"]], provider=row["publisher_id"],
            published_at=int(row["created_at_ts"]), attributes={"words": int(row["words_count"])}))


def read_clicks(path, log, published):
    # Codes, not quantities: as strings they are values of a category.
    if published:
        item, ts = "click_article_id", "click_timestamp"
        fields = {"device": "click_deviceGroup", "country": "click_country", "region": "click_region",
                  "referrer": "click_referrer_type"}
    else:
        item, ts = "item_id", "timestamp_ms"
        fields = {name: name for name in ("device", "country", "region", "referrer")}
    log.rows(path, table(path, log.progress, quoting=csv.QUOTE_NONE), lambda row: log.event(
        row["user_id"], "click", row[item], int(row[ts]),
        context={name: row[column] for name, column in fields.items() if row[column]}))


def mind(source, log, options):
    """behaviors.tsv and news.tsv. The history before the first impression has no times: left out."""
    path = need(source, "behaviors.tsv")

    def impression(line):
        slate, user, time, _, shown = line.rstrip("\r\n").split("\t")
        ts = when(time, "%m/%d/%Y %I:%M:%S %p")
        items = [entry.rpartition("-") for entry in shown.split()]
        # The test set says what was shown and not what was clicked.
        if any(mark not in ("0", "1") for _, _, mark in items):
            raise BadRow("shown without what was clicked")
        if options.impressions:
            log.event(user, "impression", "", ts, slate=slate, items=[item for item, _, _ in items])
        for item, _, clicked in items:
            if clicked == "1":
                log.event(user, "click", item, ts)

    log.rows(path, lines(path, log.progress), impression)
    news = find(path.parent, "news.tsv")
    if news:
        names = ("id", "category", "subcategory", "title", "text", "url", "entities", "more")
        log.rows(news, table(news, log.progress, names, "\t", csv.QUOTE_NONE), lambda row: log.item(
            row["id"], title=row["title"], text=row["text"],
            categories=[row["category"], row["subcategory"]]))


SETS = {"globo": globo, "mind": mind}
