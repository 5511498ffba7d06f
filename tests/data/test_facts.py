"""Facts of a triple table, as words and as vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tfprompt.data import facts, load, read
from tfprompt.errors import ConfigError, DataError

ITEMS = pl.DataFrame({"item_id": ["1", "2", "3", "4"], "title": ["a", "b", "c", "d"]})
LINKS = pl.DataFrame({"item_id": ["1", "2", "3"], "entity_id": ["m.1", "m.2", "m.3"]})
TRIPLES = pl.DataFrame(
    [
        ("m.1", "film.genre", "g1"),
        ("m.2", "film.genre", "g1"),
        ("m.3", "film.genre", "g1"),
        ("m.1", "film.directed_by", "p1"),
        ("m.2", "film.directed_by", "p1"),
        ("m.2", "film.directed_by", "p1"),  # twice is once
        ("m.1", "film.actor", "p2"),
        ("m.3", "film.actor", "p3"),
        ("p1", "director.film", "m.1"),  # not about an item
    ],
    ["head", "relation", "tail"],
    orient="row",
)
NAMES = pl.DataFrame({"entity_id": ["g1", "p1", "p2"], "name": ["drama", "Ann", "Bob"]})


def test_words_rare_but_shared_first() -> None:
    said = facts(ITEMS, TRIPLES, links=LINKS, names=NAMES, width=0)["facts"].to_list()
    assert said == [
        "directed by: Ann; genre: drama; actor: Bob",
        "directed by: Ann; genre: drama",
        "genre: drama",  # p3 has no name
        None,
    ]
    short = facts(ITEMS, TRIPLES, links=LINKS, names=NAMES, width=0, most=1)["facts"].to_list()
    assert short == ["directed by: Ann", "directed by: Ann", "genre: drama", None]
    codes = facts(ITEMS, TRIPLES, links=LINKS, width=0, most=2)["facts"].to_list()
    assert codes[2] == "genre: g1; actor: p3"


def test_vectors_have_the_cosines_of_shared_facts() -> None:
    """Against the exact product of fact tables: log rarities, unshared facts left out."""
    table = facts(ITEMS, TRIPLES, links=LINKS, width=8192)
    vectors = np.array([v if v is not None else [0] * 8192 for v in table["fact_vector"].to_list()])
    genre, director = np.log(4 / 3), np.log(4 / 2)
    exact = np.array([[genre, director], [genre, director], [genre, 0], [0, 0]])
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    exact = exact / np.where(lengths > 0, lengths, 1)
    np.testing.assert_allclose(vectors @ vectors.T, exact @ exact.T, atol=4 / np.sqrt(8192))
    assert table["fact_vector"][3] is None
    # A fact points the same way in another catalog: item 2 of another table with one more item.
    other = facts(ITEMS.tail(3), TRIPLES, links=LINKS, width=8192)
    again = np.array(other["fact_vector"].to_list()[0])
    assert again @ vectors[2] > 0.999  # there, only the genre is shared


def test_files_and_texts(tmp_path: Path) -> None:
    for name, frame in {"kg": TRIPLES, "link": LINKS, "names": NAMES, "items": ITEMS}.items():
        frame.write_csv(tmp_path / f"{name}.tsv", separator="\t")
    paths = {name: tmp_path / f"{name}.tsv" for name in ("links", "names")}
    paths["links"] = tmp_path / "link.tsv"
    table = facts(tmp_path / "items.tsv", tmp_path / "kg.tsv", **paths)
    events = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["1", "4"]})
    data = read(events, table, item_text="{title}. {facts}")
    assert data.items.texts()[1:] == ["b. directed by: Ann; genre: drama", "c. genre: drama", "d."]
    assert data.items.vectors["fact_vector"].shape == (4, 128)


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="9 facts about other things") as found:
        facts(ITEMS, TRIPLES)
    assert "links=" in str(found.value)
    with pytest.raises(ConfigError, match="multiple of 8"):
        facts(ITEMS, TRIPLES, links=LINKS, width=10)
    with pytest.raises(ConfigError, match="facts=True for 'amazon-toys'"):
        load("amazon-toys", facts=True)
