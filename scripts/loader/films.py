"""MovieLens in its three formats, and MovieTweetings, which has the second."""
import re

from loader.log import find, lines, need, number, table

GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western")


def movielens(source, log, options):
    """ratings.csv, ratings.dat or u.data, with the films beside it."""
    ratings = need(source, "ratings.csv", "ratings.dat", "u.data")
    name = ratings.name.removesuffix(".xz").removesuffix(".gz")
    if name.endswith(".csv"):
        fields = ("userId", "movieId", "rating", "timestamp")
        rows = ([row[field] for field in fields] for row in table(ratings, log.progress))
    else:
        separator = "::" if name.endswith(".dat") else "\t"
        rows = (line.split(separator) for line in lines(ratings, log.progress))

    def rated(row):
        user, item, rating, seconds = row
        log.event(user, "rate", item, int(seconds) * 1000, value=number(rating))

    log.rows(ratings, rows, rated)
    films(ratings.parent, log)
    if options.tags:
        tags(ratings.parent, log)


def films(directory, log):
    """movies.csv, movies.dat or u.item of the directory, where there is one."""
    path = find(directory, "movies.csv", "movies.dat", "u.item")
    if path is None:
        return
    if ".csv" in path.suffixes:
        rows = ((row["movieId"], row["title"], row["genres"].split("|"))
                for row in table(path, log.progress))
    elif ".dat" in path.suffixes:
        parts = (line.rstrip("\r\n").split("::") for line in lines(path, log.progress))
        rows = ((row[0], row[1], row[2].split("|")) for row in parts)
    else:
        parts = (line.rstrip("\r\n").split("|") for line in lines(path, log.progress))
        rows = ((row[0], row[1], [genre for genre, flag in zip(GENRES, row[5:]) if flag == "1"])
                for row in parts)

    def film(row):
        item, text, genres = row
        title, attributes = title_and_year(text)
        genres = [genre for genre in genres if genre and genre != "(no genres listed)"]
        log.item(item, title=title, categories=genres, attributes=attributes)

    log.rows(path, rows, film)


def title_and_year(text):
    """'Heat (1995)' -> the title as it is, and {'year': 1995}."""
    match = re.search(r"\((\d{4})\)\s*$", text)
    return text.strip(), {"year": int(match.group(1))} if match else {}


def tags(directory, log):
    path = find(directory, "tags.csv")
    if path is None:
        return
    of_item = {}
    log.rows(path, table(path, log.progress), lambda row: of_item.setdefault(
        row["movieId"], {}).setdefault(row["tag"].strip().lower(), None))
    for item, names in of_item.items():
        log.item(item, tags=[name for name in names if name][:20])


SETS = {"movielens": movielens, "movietweetings": movielens}
