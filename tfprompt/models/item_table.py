"""What the model knows about each item of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers import LowRankIds, Whitening, unit_length


@keras.saving.register_keras_serializable("tfprompt")
class ItemTable(keras.layers.Layer):
    """Frozen vectors of all items and, beside them, low-rank collaborative ids.

    A vector is that of the item's text, and behind it those that came with the data (`extra`), as
    of its image: each whitened and of unit length, times its weight. An item without an image has
    zeros there, and so has a wish.

    Args:
        count: number of items N.
        width: width of a text vector; the table's own, `table.width`, is V, extras included.
        rank: rank R of the ids, None for text only.
        id_dropout: share of id lookups that are zeroed in training, as if the item were cold.
        shrinkage: of the whitening by the catalog's statistics, see `Whitening`; None leaves the
            vectors as they are.
        seed: seed of initial values.
        extra: width and weight of further vectors by name, `{"image": {"width": 512, "weight":
            1.0}}`.

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
        extra: Mapping[str, Mapping[str, float]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.count = count
        self.text_width = width
        self.extra = {name: dict(of) for name, of in (extra or {}).items()}
        self.width = width + sum(int(of["width"]) for of in self.extra.values())
        self.rank = rank
        self.id_dropout = id_dropout
        self.shrinkage = shrinkage
        self.seed = seed
        self.whitening = (
            None if shrinkage is None else Whitening(width, shrinkage, name="whitening")
        )
        self.extra_whitenings = [
            Whitening(int(of["width"]), shrinkage, name=f"whitening_{name}")
            for name, of in self.extra.items()
            if shrinkage is not None
        ]
        self.ids = LowRankIds(count, rank, id_dropout, seed, name="ids") if rank else None
        self._keeps_whitening = False

    def build(self, input_shape: Any = None) -> None:
        """Creates the `[N, V]` table and what belongs to it."""
        self.vectors = self.add_weight(
            shape=(self.count, self.width), initializer="zeros", trainable=False, name="vectors"
        )
        for layer in (*self.whitenings, self.ids):
            if layer is not None and not layer.built:
                layer.build(None)
        self.built = True

    def fill(self, vectors: np.ndarray, extra: Mapping[str, np.ndarray] | None = None) -> None:
        """Sets the vectors of all items, measuring the whitening on the way.

        A whitening that came with trained tensors is kept: what they learned, they learned in its
        space, and principal directions turn with every item that comes or goes.

        Args:
            vectors: of the texts, `[N, text_width]`.
            extra: the further ones by name, `[N, …]`; a row of zeros for an item without.
        """
        given = {name: np.asarray(values) for name, values in (extra or {}).items()}
        expected = {name: (self.count, int(of["width"])) for name, of in self.extra.items()}
        shapes = {name: values.shape for name, values in given.items()}
        if vectors.shape != (self.count, self.text_width) or shapes != expected:
            raise ConfigError(
                f"Item vectors have shape {(self.count, self.text_width)}, and further ones "
                f"{expected or 'are none'}. Received: {vectors.shape} and {shapes or 'none'}."
            )
        if not all(np.isfinite(values).all() for values in (vectors, *given.values())):
            raise ConfigError("Item vectors must be finite; some are NaN or infinite.")
        if not self.built:
            self.build()
        if not self._keeps_whitening:
            self._measure(vectors, given)
        parts = [self._of_text(np.asarray(vectors, "float32"))]
        parts += [self.from_vector(name, values) for name, values in given.items()]
        self.vectors.assign(ops.concatenate(parts, axis=-1) if given else parts[0])

    def _measure(self, vectors: np.ndarray, extra: dict[str, np.ndarray]) -> None:
        if self.whitening is not None:
            self.whitening.adapt(vectors)
        for layer, name in zip(self.extra_whitenings, self.extra, strict=False):
            known = extra[name][np.any(extra[name] != 0, axis=1)]
            if len(known) > 1:
                # At one scale, whatever the length of a vendor's vectors.
                layer.adapt(np.asarray(unit_length(np.asarray(known, "float32"))))

    @property
    def whitenings(self) -> list[Whitening]:
        """Of texts, and of further vectors; none without whitening."""
        return [] if self.whitening is None else [self.whitening, *self.extra_whitenings]

    @property
    def measured(self) -> bool:
        """Whether the whitening is that of some catalog yet."""
        return self._keeps_whitening or self.filled

    def keep_whitening(self, values: Mapping[str, np.ndarray]) -> None:
        """Takes mean and matrix of each whitening from elsewhere, and keeps them from now on.

        Args:
            values: by name, as `whitening_variables` names them.
        """
        for name, variable in self.whitening_variables().items():
            if not np.array_equal(np.asarray(variable.value), values[name]):
                variable.assign(values[name])
                # Vectors that another whitening made are made again.
                self.vectors.assign(ops.zeros_like(self.vectors))
        self._keeps_whitening = True

    def keep_whitening_of(self, other: ItemTable) -> None:
        """Keeps another table's whitening, where that has measured one of the same kind."""
        theirs = other.whitening_variables()
        kinds = [
            (table.shrinkage, {name: tuple(v.shape) for name, v in variables.items()})
            for table, variables in ((self, self.whitening_variables()), (other, theirs))
        ]
        if other.measured and kinds[0] == kinds[1]:
            self.keep_whitening({name: np.asarray(v.value) for name, v in theirs.items()})

    def whitening_variables(self) -> dict[str, Any]:
        """Mean and matrix of each whitening by name, as `whitening/mean`."""
        return {
            f"{layer.name}/{name}": getattr(layer, name)
            for layer in self.whitenings
            for name in ("mean", "matrix")
        }

    @property
    def filled(self) -> bool:
        """Whether the table holds vectors yet."""
        return bool(ops.any(self.vectors[0] != 0)) or bool(ops.any(self.vectors != 0))

    def from_text(self, vectors: Any) -> Any:
        """Raw text vectors `[..., text_width]` in the table's space `[..., V]`, as of a wish."""
        vectors = self._of_text(vectors)
        if not self.extra:
            return vectors
        rank = len(vectors.shape)
        return ops.pad(vectors, [[0, 0]] * (rank - 1) + [[0, self.width - self.text_width]])

    def _of_text(self, vectors: Any) -> Any:
        return vectors if self.whitening is None else self.whitening(vectors)

    def from_vector(self, name: str, vectors: Any) -> Any:
        """Raw vectors of a further kind in its part of the table's space: `[..., width]` both.

        Zeros, for an item without one, stay zeros.
        """
        vectors = ops.convert_to_tensor(vectors, "float32")
        present = ops.any(ops.not_equal(vectors, 0), axis=-1, keepdims=True)
        vectors = unit_length(vectors)
        if self.extra_whitenings:
            vectors = self.extra_whitenings[list(self.extra).index(name)](vectors)
        return self.extra[name]["weight"] * vectors * ops.cast(present, vectors.dtype)

    def parts(self, vectors: Any) -> tuple[Any, dict[str, Any]]:
        """The table's vectors `[..., V]` taken apart: of texts, and further ones by name."""
        found, begin = {}, self.text_width
        for name, of in self.extra.items():
            found[name] = vectors[..., begin : begin + int(of["width"])]
            begin += int(of["width"])
        return vectors[..., : self.text_width], found

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
            "width": self.text_width,
            "rank": self.rank,
            "id_dropout": self.id_dropout,
            "shrinkage": self.shrinkage,
            "seed": self.seed,
            "extra": self.extra,
        }
