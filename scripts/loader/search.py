"""trivago's sessions (RecSys Challenge 2019) and TREC session tracks."""
import xml.etree.ElementTree as ElementTree

from loader.log import FIRST_SECOND, find, lines, need, table

# What was done to an item; everything else changes what is shown.
TRIVAGO_TYPES = {
    "clickout item": "click", "interaction item image": "view", "interaction item info": "view",
    "interaction item rating": "view", "interaction item deals": "view", "search for item": "view"}
TRIVAGO_SEARCHES = ("search for destination", "search for poi", "filter selection")


def trivago(source, log, options):
    """train.csv, or one tab-separated file. Searches and filters carry their words."""
    path = need(source, "train.csv", "trivago_100k.tsv")

    def action(row):
        kind, reference = row["action_type"], row["reference"]
        ts = int(row["timestamp"]) * 1000
        common = {"session": row["session_id"], "context": {
            name: row[name] for name in ("platform", "city", "device") if row[name]}}
        if options.impressions and row["impressions"]:
            log.event(row["user_id"], "impression", "", ts, **common,
                      slate=f"{row['session_id']}-{row['step']}", items=row["impressions"].split("|"))
        if kind in TRIVAGO_TYPES:
            # A few references name no item ("unknown").
            if reference.isdigit():
                log.event(row["user_id"], TRIVAGO_TYPES[kind], reference, ts, **common)
        elif kind in TRIVAGO_SEARCHES:
            log.event(row["user_id"], "search", "", ts, query=reference, **common)

    log.rows(path, table(path, log.progress), action)
    about = find(path.parent, "item_metadata.csv")
    if about:
        log.rows(about, table(about, log.progress), lambda row: log.item(
            row["item_id"], tags=row["properties"].split("|")))


def trec_session(source, log, options):
    """Queries, results and clicks of a session track's XML; a session is a user."""
    path = need(source, "sessiontrack2014.xml", "sessiontrack2013.xml", "sessiontrack2012.xml")
    # Sessions have a clock each and no date: one begins an hour after the other.
    parser = ElementTree.XMLPullParser(["end"])
    for line in lines(path, log.progress):
        parser.feed(line)
        for _, element in parser.read_events():
            if element.tag == "session":
                log.rows(path, [element], lambda session: trec_interactions(session, log, options))
                element.clear()


def trec_interactions(session, log, options):
    user = session.get("num")
    begin_ms = (FIRST_SECOND + 3600 * int(user)) * 1000
    at = lambda element: begin_ms + round(float(element.get("starttime")) * 1000)
    for interaction in session.iter("interaction"):
        results = {}
        for result in interaction.iter("result"):
            item = result.findtext("clueweb12id") or result.findtext("clueweb09id") or result.findtext("url")
            results[result.get("rank")] = item
            log.item(item, title=(result.findtext("title") or "").strip(),
                     text=(result.findtext("snippet") or "").strip())
        log.event(user, "search", "", at(interaction), query=interaction.findtext("query").strip())
        if options.impressions and results:
            log.event(user, "impression", "", at(interaction), items=list(results.values()),
                      slate=f"{user}-{interaction.get('num')}")
        for click in interaction.iter("click"):
            log.event(user, "click", results[click.findtext("rank").strip()], at(click))


SETS = {"trivago": trivago, "trec-session": trec_session}
