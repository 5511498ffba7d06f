"""Items, their texts and the columns that describe them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tfprompt.data import Catalog, Column
from tfprompt.errors import DataError, TemplateError

FILMS = "{title} ({year}). Genres: {genres}"


def text(template, **fields):
    frame = pl.DataFrame(
        {"item_id": ["id7"]} | {name: [value] for name, value in fields.items()},
        schema_overrides={"year": pl.Int64},
    )
    return Catalog(frame, template).texts()[0]


@pytest.mark.parametrize(
    "fields, expected",
    [
        (("Heat", 1995, "Crime"), "Heat (1995). Genres: Crime"),
        (("Heat", None, "Crime"), "Heat. Genres: Crime"),
        (("Heat", 1995, None), "Heat (1995)."),
        (("Heat", None, None), "Heat."),
        ((None, 1995, "Crime"), "(1995). Genres: Crime"),
        ((None, None, "Crime"), "Genres: Crime"),
        (("  ", None, ""), "id7"),
        ((None, None, None), "id7"),
        (("Alien: Covenant (cut)", None, None), "Alien: Covenant (cut)."),
    ],
)
def test_missing_fields_vanish_with_what_belongs_to_them(fields, expected):
    assert text(FILMS, title=fields[0], year=fields[1], genres=fields[2]) == expected


@pytest.mark.parametrize(
    "template, expected",
    [
        ("{a}, {none}, {b}", "x, y"),
        ("{none}, {b}", "y"),
        ("{a} - {none}", "x"),
        ("{a} by {none} ({b})", "x (y)"),
        ("{a}: {none}", "x"),
        ("{a} [{none}] {b}", "x y"),
        ("{{literal}} {a}", "{literal} x"),
        ("no fields", "no fields"),
        ("{a}{a}", "xx"),
        ("", "id7"),
    ],
)
def test_other_shapes(template, expected):
    assert text(template, a="x", b="y", none=None) == expected


def test_line_breaks_become_spaces_and_values_are_not_templates():
    assert text("{a}", a="one\n two\t{b}") == "one two {b}"


@pytest.mark.parametrize(
    "template, position", [("{title} {nope}", 8), ("{title:4}", 0), ("{title", 0), ("{}", 0)]
)
def test_a_wrong_template_points_at_the_place(template, position):
    with pytest.raises(TemplateError) as error:
        text(template, title="x")
    assert error.value.position == position


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"item_id": ["a", "a"]}),
        pl.DataFrame({"item_id": ["a", None]}),
        pl.DataFrame({"item_id": [1, 2]}),
        pl.DataFrame({"title": ["a"], "item_id": ["a"]}),
        pl.DataFrame({"item_id": []}, schema={"item_id": pl.String}),
    ],
)
def test_ids_are_unique_strings(frame):
    with pytest.raises(DataError) as error:
        Catalog(frame, "{item_id}")
    assert error.value.column == "item_id"


def test_index_of():
    catalog = Catalog(pl.DataFrame({"item_id": ["b", "a"]}), "{item_id}")
    assert catalog.index_of(["a", "b", "c", "a"]).tolist() == [1, 0, -1, 1]
    assert catalog.index_of(np.array(["b"])).dtype == np.int32
    assert catalog.index_of([]).tolist() == []
    assert len(catalog) == 2 and catalog.ids.tolist() == ["b", "a"]


def test_the_fingerprint_follows_ids_texts_and_order():
    def fingerprint(ids, titles):
        return Catalog(pl.DataFrame({"item_id": ids, "title": titles}), "{title}").fingerprint

    known = fingerprint(["a", "b"], ["x", "y"])
    assert known == fingerprint(["a", "b"], ["x", "y"])
    others = [
        fingerprint(["b", "a"], ["y", "x"]),
        fingerprint(["a", "b"], ["x", "z"]),
        fingerprint(["ab", "c"], ["x", "y"]),
    ]
    assert len({known, *others}) == 4


def test_encoding_of_columns():
    job = Column("job", "category", "user", vocabulary=("cook", "nurse"))
    assert job.encode(np.array(["nurse", None, "x"], dtype=object)).tolist() == [2, 0, 0]
    assert Column("job", "category", "user").encode(["x"]).tolist() == [0]
    age = Column("age", "number", "user", mean=10.0, std=2.0)
    coded = age.encode(np.array([12.0, np.nan]))
    assert coded.tolist() == [1.0, 0.0] and coded.dtype == np.float32
    assert Column("t", "text", "user").encode(["a", None]).tolist() == ["a", ""]
    assert np.isnan(Column("t", "timestamp", "context").encode([None, 1.0])[0])
