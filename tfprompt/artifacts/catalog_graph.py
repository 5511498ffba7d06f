"""The catalog of an artifact: ids, texts as vectors, candidates."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.catalog_table import CatalogTable, CatalogType
from tfprompt.artifacts.item_ids import ItemIds

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


class CatalogGraph(tf.Module):
    """What a retriever knows of its items, in variables whose N is free.

    An item's frozen vector (text, and what else is known of it) stands once, for histories and for
    the part of a score that compares texts. The trained candidate `[N, D]` stands beside it, and
    the collaborative ids `[N, R]`.

    Args:
        model: a trained retriever whose catalog is encoded.
        folder: where the ids are written, see `ItemIds`.
        dtype: how vectors and candidates are stored, see `CatalogTable`.
        titles: keeps the items' titles too.
    """

    def __init__(
        self,
        model: Retriever,
        folder: str | os.PathLike[str],
        dtype: CatalogType = "float32",
        titles: bool = False,
    ) -> None:
        super().__init__(name="catalog")
        self.item_ids = ItemIds(model.catalog.ids.tolist(), folder)
        vectors, ids = model.item_table.all_items()
        trained = model.trained_candidates(vectors, ids)
        self.vectors = CatalogTable(np.asarray(vectors), dtype, name="vectors")
        self.trained = CatalogTable(np.asarray(trained), dtype, name="trained")
        self.ids = None
        if ids is not None:
            shape = [None, int(ids.shape[1])]
            self.ids = tf.Variable(np.asarray(ids), trainable=False, shape=shape, name="ids")
        self.titles = None
        if titles:
            texts = model.catalog.titles()
            self.titles = tf.Variable(texts, trainable=False, shape=[None], name="titles")

    def lookup(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Vectors `[..., V]` and ids `[..., R]` (or None) of rows; zeros for negative ones."""
        return self.vectors.take(rows), self._ids_of(rows)

    def _ids_of(self, rows: tf.Tensor) -> tf.Tensor | None:
        if self.ids is None:
            return None
        known = tf.cast(rows >= 0, tf.float32)[..., tf.newaxis]
        return tf.gather(self.ids, tf.maximum(rows, 0)) * known

    def take(self, rows: tf.Tensor) -> tf.Tensor:
        """Whole vectors `[..., D+V]` of rows, zeros for negative ones."""
        return tf.concat([self.trained.take(rows), self.vectors.take(rows)], axis=-1)

    def scores(self, queries: tf.Tensor) -> tf.Tensor:
        """Scores of all items `[B, N]` of queries `[B, D+V]`."""
        width = self.trained.width
        trained = self.trained.scores(queries[:, :width])
        return trained + self.vectors.scores(queries[:, width:])

    def title_of(self, rows: tf.Tensor) -> tf.Tensor:
        """Titles of rows of any shape, "" for negative ones."""
        return tf.where(rows < 0, "", tf.gather(self.titles, tf.maximum(rows, 0)))
