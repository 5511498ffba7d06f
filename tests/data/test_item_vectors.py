"""Vectors of items: from a column of lists or an array, one row an item."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tfprompt.data import read, read_items
from tfprompt.errors import DataError

EVENTS = pl.DataFrame({"user_id": ["u", "u", "v", "u"], "item_id": ["a", "b", "a", "c"]})
ITEMS = pl.DataFrame(
    {
        "item_id": ["b", "a", "c"],
        "tags": [["x", "y"], [], ["z"]],
        "image": [[0.5, 1.0], None, [2.0, 0.0]],
    }
)


def test_a_column_of_lists_of_decimals() -> None:
    data = read(EVENTS, ITEMS, item_text="{tags}")
    np.testing.assert_array_equal(data.items.vectors["image"], [[0.5, 1], [0, 0], [2, 0]])
    assert "image" not in data.items.frame.columns and "image" not in data.items.columns
    assert data.items.texts()[0] == "x, y"
    catalog = read_items(ITEMS.with_columns(pl.col("image").cast(pl.Array(pl.Float64, 2))),
                         item_text="{tags}")  # fmt: skip
    np.testing.assert_array_equal(catalog.vectors["image"], data.items.vectors["image"])


def test_rows_follow_the_catalog_when_items_leave() -> None:
    events = pl.DataFrame({"user_id": list("uuvvww"), "item_id": list("acacab")})
    data = read(events, ITEMS, item_text="{item_id}", k_core=2)
    assert data.items.ids.tolist() == ["a", "c"]
    np.testing.assert_array_equal(data.items.vectors["image"], [[0, 0], [2, 0]])


def test_the_fingerprint_knows_the_vectors() -> None:
    plain = read(EVENTS, ITEMS.drop("image"), item_text="{tags}", name="x")
    with_vectors = plain.with_item_vectors(image=np.eye(3))
    other = plain.with_item_vectors(image=2 * np.eye(3))
    assert len({plain.fingerprint, with_vectors.fingerprint, other.fingerprint}) == 3
    assert plain.items.fingerprint == with_vectors.items.fingerprint
    assert with_vectors.leave_one_out().train.catalog is with_vectors.items


def test_what_is_refused() -> None:
    wrong = pl.DataFrame({"item_id": ["a", "b"], "image": [[1.0, 2.0], [1.0]]})
    with pytest.raises(DataError, match="one length. Received: 1 numbers beside 2") as found:
        read(EVENTS, wrong)
    assert "row 2" in str(found.value) and "image" in str(found.value)
    data = read(EVENTS, ITEMS, item_text="{tags}")
    with pytest.raises(DataError, match="for each of the 3 items"):
        data.with_item_vectors(image=np.eye(2))
    with pytest.raises(DataError, match="are finite"):
        data.with_item_vectors(image=np.full((3, 2), np.nan))
