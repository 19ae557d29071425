"""Open Bandit: single places of slates, logged with the probability that each was shown."""
from loader.log import find, need, number, table, when


def open_bandit(source, log, _):
    """men.csv, women.csv or all.csv of one behaviour policy. Nobody has an id: people with the same four
    features are one user. Each row is an impression of one item, and a click if it was clicked; the
    position and the propensity are context."""
    campaigns = ("men", "women", "all")
    path = need(source, *(f"{campaign}.csv" for campaign in campaigns),
                *(f"{policy}-{campaign}.csv" for policy in ("random", "bts") for campaign in campaigns))
    features = [f"user_feature_{n}" for n in range(4)]

    def shown(row):
        user = "-".join(row[name][:8] for name in features)
        ts = when(row["timestamp"])
        context = {"position": number(row["position"]), "propensity": number(row["propensity_score"])}
        log.event(user, "impression", "", ts, items=[row["item_id"]], context=context)
        if row["click"] == "1":
            log.event(user, "click", row["item_id"], ts, context=context)

    log.rows(path, table(path, log.progress), shown)
    about = find(path.parent, "item_context.csv", f"items-{path.name.split('.')[0].split('-')[-1]}.csv")
    if about:
        log.rows(about, table(about, log.progress), lambda row: log.item(row["item_id"], attributes={
            name: number(value) if name == "item_feature_0" else value
            for name, value in row.items() if name.startswith("item_feature_")}))


SETS = {"open-bandit": open_bandit}
