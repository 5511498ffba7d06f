"""Tables of categories and ages from a catalog's columns."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tfprompt.data import Catalog
from tfprompt.errors import ConfigError
from tfprompt.layers import Rerank
from tfprompt.models.item_facts import age_table, category_table

FRAME = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d"],
        "genres": ["War, Drama", None, " Drama ,  Comedy, ,Drama", ""],
        "brand": ["Mattel, Inc.", "Lego", "Lego", None],
        "year": [1995, 1979, None, 2000],
        "price": [1.5, float("nan"), float("inf"), -1.0],
        "empty": [None, "", " ", ", "],
        "never": pl.Series([None] * 4, dtype=pl.Int64),
    }
)
CATALOG = Catalog(FRAME, "{genres}")


def test_items_may_have_several_categories_or_none() -> None:
    table, names = category_table(CATALOG, "genres", separator=",")
    assert names == ["Comedy", "Drama", "War"] and table.dtype == bool
    assert table.astype(int).tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_the_separator_decides() -> None:
    assert category_table(CATALOG, "brand")[1] == ["Inc.", "Lego", "Mattel"]
    table, names = category_table(CATALOG, "brand", separator=None)
    assert names == ["Lego", "Mattel, Inc."]
    assert table.astype(int).tolist() == [[0, 1], [1, 0], [1, 0], [0, 0]]


def test_a_number_is_a_category_too() -> None:
    table, names = category_table(CATALOG, "year")
    assert names == ["1979", "1995", "2000"] and table.sum() == 3


@pytest.mark.parametrize(("now", "ages"), [(None, [5, 21, 0]), (1999, [4, 20, -1])])
def test_ages_count_from_the_newest_or_from_now(now: float | None, ages: list[float]) -> None:
    table = age_table(CATALOG, "year", now)
    assert table.shape == (4,) and table.dtype == np.float64 and np.isnan(table[2])
    np.testing.assert_array_equal(table[[0, 1, 3]], ages)


def test_numbers_that_are_none_are_missing() -> None:
    np.testing.assert_array_equal(age_table(CATALOG, "price"), [0, np.nan, np.nan, 2.5])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: category_table(CATALOG, "genre"), "'genre'. The columns are 'genres', 'brand'"),
        (lambda: category_table(CATALOG, "item_id"), "'item_id'. The columns are 'genres'"),
        (lambda: category_table(CATALOG, "genres", ""), "None takes each value whole"),
        (lambda: category_table(CATALOG, "empty"), "'empty', empty in all 4"),
        (lambda: age_table(CATALOG, "years"), "'years'. The columns are 'genres'"),
        (lambda: age_table(CATALOG, "brand"), "Numeric columns: 'year', 'price', 'never'"),
        (lambda: age_table(CATALOG, "never"), "'never', empty in all 4"),
        (lambda: age_table(CATALOG, "year", float("nan")), "Received: nan"),
        (lambda: age_table(Catalog(FRAME[["item_id"]], ""), "x"), "none but 'item_id'"),
    ],
)
def test_what_cannot_work_is_refused(make: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()  # type: ignore[operator]


def test_rerank_takes_both() -> None:
    rerank = Rerank(k=3, freshness=2.0, half_life=5.0, caps=1, strict=True)
    rerank.adapt(np.eye(4), category_table(CATALOG, "genres")[0], age_table(CATALOG, "year"))
    rows, _ = rerank(np.array([[4.0, 3.0, 2.0, 1.0]]), np.array([[0, 1, 2, 3]]))
    # Worth: 1 + 1, 2/3 + 2 · 2^-4.2, 1/3 + 0, 0 + 2; a and d tie. Then c's Drama is a's.
    assert rows.numpy().tolist() == [[0, 3, 1]]
