"""What the model knows of each item."""

from __future__ import annotations

import numpy as np
import pytest

from tfprompt.errors import ConfigError
from tfprompt.models.item_table import ItemTable

VECTORS = np.random.default_rng(0).normal(size=(20, 4))


def filled(**options: object) -> ItemTable:
    table = ItemTable(20, 4, **options)  # type: ignore[arg-type]
    table.fill(VECTORS)
    return table


def test_rows_without_whitening_are_the_vectors() -> None:
    table = filled(shrinkage=None)
    vectors, ids = table(np.array([[3, -1], [0, 19]]))
    np.testing.assert_allclose(vectors[0, 0], VECTORS[3], rtol=1e-6)
    np.testing.assert_array_equal(vectors[0, 1], np.zeros(4))
    assert ids is None
    np.testing.assert_allclose(table.all_items()[0], VECTORS, rtol=1e-6)


def test_a_text_of_the_catalog_lands_on_its_row() -> None:
    table = filled(shrinkage=0.5)
    np.testing.assert_allclose(table.from_text(VECTORS.astype("float32")), table.vectors, atol=1e-6)


def test_ids_come_with_the_vectors() -> None:
    table = filled(rank=3)
    vectors, ids = table(np.array([[3, -1]]))
    assert vectors.shape == (1, 2, 4) and ids.shape == (1, 2, 3)
    np.testing.assert_array_equal(ids[0, 1], np.zeros(3))
    np.testing.assert_array_equal(ids[0, 0], table.all_items()[1][3])


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        (VECTORS[:5], r"\(20, 4\).*\(5, 4\)"),
        (VECTORS[:, :3], r"\(20, 3\)"),
        (np.where(np.eye(20, 4) == 1, np.nan, VECTORS), "finite"),
        (np.where(np.eye(20, 4) == 1, np.inf, VECTORS), "finite"),
    ],
)
def test_vectors_that_cannot_be_are_refused(vectors: np.ndarray, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ItemTable(20, 4).fill(vectors)


def test_only_ids_are_trained() -> None:
    assert not filled().trainable_variables
    assert [v.path.split("/")[-1] for v in filled(rank=2).trainable_variables] == ["table"]
