"""What a knowledge graph says of items: as words for their texts, and as vectors."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl

from tfprompt.data._tables import ROW, read_table
from tfprompt.errors import ConfigError, DataError

Source = str | Path | pl.DataFrame
# The columns that `facts` adds.
WORDS, VECTOR = "facts", "fact_vector"


def facts(
    items: Source,
    triples: Source,
    *,
    links: Source | None = None,
    names: Source | None = None,
    most: int = 6,
    width: int = 128,
) -> pl.DataFrame:
    """Joins facts to a table of items, as words and as a vector.

    The words are for an item's text, `item_text="{title}. {facts}"`: "directed by: Woody Allen;
    genre: Drama". A fact that few items share says most of them and comes first; what no other
    item has comes last, since nothing can be concluded from it.

    The vector needs no names: each fact that two items or more share has a direction of its own,
    drawn from a hash of it, and an item's vector is the sum of those of its facts, each times the
    logarithm of how rare it is. Items that share facts point alike, up to an error of about
    1/√width, and a fact has the same direction in every catalog, so that a new item of a later
    one is understood. A model takes it with `item_vectors=["fact_vector"]`.

    Args:
        items: one row an item with `item_id`: a path (.csv, .tsv, .jsonl, .parquet) or a frame.
        triples: one row a fact: `head`, `relation`, `tail`. Rows whose head is no item are
            passed over.
        links: `item_id` and `entity_id`, where heads are not item ids themselves.
        names: `entity_id` and `name` of tails that are codes; a tail without a name leaves no
            words. None takes the tails as they are.
        most: facts that an item's words hold at most, 0 for no column `facts`.
        width: numbers V of a vector, a multiple of 8; 0 for no column `fact_vector`.

    Returns:
        The items with the columns `facts` (null where nothing is known) and `fact_vector`.

    Raises:
        DataError: a table breaks a rule, or no fact is about an item.
        ConfigError: `most` or `width` is out of range.

    Example:
        >>> items = pl.DataFrame({"item_id": ["1", "2"], "title": ["Alien", "Blade Runner"]})
        >>> triples = pl.DataFrame(
        ...     [("1", "film.directed_by", "Ridley Scott"), ("2", "film.directed_by",
        ...      "Ridley Scott"), ("1", "star", "Sigourney Weaver")],
        ...     ["head", "relation", "tail"], orient="row")
        >>> facts(items, triples, width=0)["facts"].to_list()[0]
        'directed by: Ridley Scott; star: Sigourney Weaver'

    References:
        Kanerva et al., 2000, "Random Indexing of Text Samples for Latent Semantic Analysis";
        Achlioptas, 2003, "Database-friendly random projections".
    """
    if most < 0 or width < 0 or width % 8:
        raise ConfigError(
            f"most is 0 or more, and width a multiple of 8. Received: most={most}, width={width}."
        )
    table = read_table(items, "items", {}, ("item_id",)).frame.drop(ROW)
    table = table.with_columns(pl.col("item_id").cast(pl.String))
    known = _known(table, triples, links)
    if most:
        table = table.join(_words(known, names, most), on="item_id", how="left")
    if width:
        vectors = _vectors(table["item_id"].to_list(), known, width)
        kept = [row.tolist() if row.any() else None for row in vectors]
        table = table.with_columns(pl.Series(VECTOR, kept, pl.List(pl.Float32)))
    return table


def _known(items: pl.DataFrame, triples: Source, links: Source | None) -> pl.DataFrame:
    """Each fact once: `item_id`, `relation`, `tail`, and how many items share it as `shared`."""
    read = read_table(triples, "facts", {}, ("head", "relation", "tail"))
    found = read.frame.select(pl.col("head", "relation", "tail").cast(pl.String)).drop_nulls()
    if links is None:
        found = found.rename({"head": "item_id"})
    else:
        joined = read_table(links, "links", {}, ("item_id", "entity_id")).frame
        joined = joined.select(pl.col("item_id", "entity_id").cast(pl.String)).drop_nulls()
        found = joined.join(found, left_on="entity_id", right_on="head").drop("entity_id")
    found = found.join(items.select("item_id"), on="item_id", how="semi").unique()
    if not found.height:
        raise DataError(
            "a fact is about an item: its head is an item id, or linked to one. Received: "
            f"{read.frame.height:,} facts about other things. Pass the table of ids as "
            "links=.",
            file=read.file,
            column="head",
        )
    return found.with_columns(pl.len().over("relation", "tail").alias("shared"))


def _words(known: pl.DataFrame, names: Source | None, most: int) -> pl.DataFrame:
    """`item_id` and its facts in words."""
    said = known.with_columns(pl.col("tail").alias("name"))
    if names is not None:
        named = read_table(names, "names", {}, ("entity_id", "name")).frame
        named = named.select(pl.col("entity_id", "name").cast(pl.String)).drop_nulls()
        said = known.join(named.unique("entity_id"), left_on="tail", right_on="entity_id")
    lines = (
        said.sort(pl.col("shared") == 1, "shared", "relation", "name")
        .group_by("item_id", maintain_order=True)
        .head(most)
        # "film.film.directed_by" → "directed by"
        .with_columns(pl.col("relation").str.split(".").list.last().str.replace_all("_", " "))
        .group_by("item_id", "relation", maintain_order=True)
        .agg(pl.col("name").unique(maintain_order=True).str.join(", "))
    )
    return lines.group_by("item_id", maintain_order=True).agg(
        pl.format("{}: {}", "relation", "name").str.join("; ").alias(WORDS)
    )


def _vectors(ids: list[str], known: pl.DataFrame, width: int) -> np.ndarray:
    """Vectors `[N, width]` of length 1, zeros for an item without a shared fact."""
    rows = {item: row for row, item in enumerate(ids)}
    vectors = np.zeros((len(ids), width), np.float32)
    shared = known.filter(pl.col("shared") > 1).sort("relation", "tail", "item_id")
    for (relation, tail), group in shared.group_by("relation", "tail", maintain_order=True):
        rarity = np.log(len(ids) / group.height)
        vectors[[rows[item] for item in group["item_id"]]] += rarity * _direction(
            f"{relation}\x1f{tail}", width
        )
    lengths = np.sqrt(np.sum(vectors**2, axis=1, keepdims=True))
    return vectors / np.where(lengths > 0, lengths, 1)


def _direction(fact: str, width: int) -> np.ndarray:
    """Signs `[width]`: the same for a fact on every machine and in every catalog."""
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(fact.encode()).digest(width // 8), "u1"))
    return bits.astype(np.float32) * 2 - 1
