"""What the model knows about each item of the catalog."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers import LowRankIds, Whitening


@keras.saving.register_keras_serializable("tfprompt")
class ItemTable(keras.layers.Layer):
    """Frozen text vectors of all items and, beside them, low-rank collaborative ids.

    Args:
        count: number of items N.
        width: width V of a text vector.
        rank: rank R of the ids, None for text only.
        id_dropout: share of id lookups that are zeroed in training, as if the item were cold.
        shrinkage: of the whitening by the catalog's statistics, see `Whitening`; None leaves the
            vectors as they are.
        seed: seed of initial values.

    Call arguments:
        indexes: int `[...]`, 0 … N-1; a negative one gives zeros.

    Output: vectors `[..., V]` and ids `[..., R]` (None for text only).

    Example:
        >>> table = ItemTable(count=3, width=4, shrinkage=None)
        >>> table.fill(np.eye(3, 4))
        >>> vectors, ids = table(keras.ops.array([[2, -1]]))
        >>> keras.ops.convert_to_numpy(vectors)[0].tolist(), ids
        ([[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]], None)
    """

    def __init__(
        self,
        count: int,
        width: int,
        rank: int | None = None,
        id_dropout: float = 0.0,
        shrinkage: float | None = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count = count
        self.width = width
        self.rank = rank
        self.id_dropout = id_dropout
        self.shrinkage = shrinkage
        self.seed = seed
        self.whitening = (
            None if shrinkage is None else Whitening(width, shrinkage, name="whitening")
        )
        self.ids = LowRankIds(count, rank, id_dropout, seed, name="ids") if rank else None

    def build(self, input_shape: Any = None) -> None:
        """Creates the `[N, V]` table and what belongs to it."""
        self.vectors = self.add_weight(
            shape=(self.count, self.width), initializer="zeros", trainable=False, name="vectors"
        )
        for layer in (self.whitening, self.ids):
            if layer is not None and not layer.built:
                layer.build(None)
        self.built = True

    def fill(self, vectors: np.ndarray) -> None:
        """Sets the text vectors of all items, `[N, V]`, measuring the whitening on the way."""
        if vectors.shape != (self.count, self.width):
            raise ConfigError(
                f"Item vectors have shape {(self.count, self.width)}. Received: {vectors.shape}."
            )
        if not np.isfinite(vectors).all():
            raise ConfigError("Item vectors must be finite; some are NaN or infinite.")
        if not self.built:
            self.build()
        if self.whitening is not None:
            self.whitening.adapt(vectors)
        self.vectors.assign(self.from_text(np.asarray(vectors, "float32")))

    @property
    def filled(self) -> bool:
        """Whether the table holds vectors yet."""
        return bool(ops.any(self.vectors[0] != 0)) or bool(ops.any(self.vectors != 0))

    def from_text(self, vectors: Any) -> Any:
        """Raw text vectors `[..., V]` into the table's space, e.g. those of a wish."""
        return vectors if self.whitening is None else self.whitening(vectors)

    def call(self, indexes: Any, training: bool | None = None) -> tuple[Any, Any]:
        """Looks up: `[...]` in, `[..., V]` and `[..., R]` out."""
        present = indexes >= 0
        rows = ops.where(present, indexes, ops.zeros_like(indexes))
        vectors = ops.take(self.vectors, rows, axis=0)
        vectors = vectors * ops.expand_dims(ops.cast(present, vectors.dtype), -1)
        return vectors, None if self.ids is None else self.ids(indexes, training=training)

    def all_items(self, training: bool | None = None) -> tuple[Any, Any]:
        """The whole catalog: vectors `[N, V]` and ids `[N, R]`."""
        if self.ids is None:
            return ops.convert_to_tensor(self.vectors), None
        every = ops.arange(self.count, dtype="int32")
        return ops.convert_to_tensor(self.vectors), self.ids(every, training=training)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "count": self.count,
            "width": self.width,
            "rank": self.rank,
            "id_dropout": self.id_dropout,
            "shrinkage": self.shrinkage,
            "seed": self.seed,
        }
