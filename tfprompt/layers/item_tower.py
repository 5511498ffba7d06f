"""Items in the space where queries and item tokens live."""

from __future__ import annotations

from typing import Any

import keras

from tfprompt.errors import ConfigError


@keras.saving.register_keras_serializable("tfprompt")
class ItemTower(keras.layers.Layer):
    """Projects what is known of an item into the width of the frozen encoder.

    An item is met in two roles: as a candidate (`call`) and as a token of a history (`tokens`).
    One text projection serves both, with half the parameters of two; each role lifts the
    collaborative ids in its own way.

    Args:
        width: width D of a query.
        tied: one text projection for both roles; False trains a second one.
        initial_scale: shrinks the initial text projection. One of full size gives each item an
            arbitrary score that training has to unlearn first. 0 starts text and ids at zero.
        residual: adds the item vectors themselves to candidates and tokens. With
            `initial_scale=0` an item is its vector at first, and training corrects it from zero.
            Needs V = D.
        seed: seed of initial values.

    Call arguments:
        vectors: frozen item vectors `[..., V]` of unit length.
        ids: low-rank id embeddings `[..., R]`, or None.

    Output shape: `[..., D]`.

    Raises:
        ConfigError: a width below 1, a scale below 0, or vectors of another width to add.

    Example:
        >>> tuple(ItemTower(width=8)(keras.ops.ones((3, 6))).shape)
        (3, 8)
    """

    def __init__(
        self,
        width: int,
        tied: bool = True,
        initial_scale: float = 0.05,
        seed: int = 0,
        residual: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if width < 1 or initial_scale < 0:
            raise ConfigError(
                "A query has a width of 1 or more, and a scale is 0 or more. "
                f"Received: width={width}, initial_scale={initial_scale}."
            )
        self.width = width
        self.tied = tied
        self.initial_scale = initial_scale
        self.residual = residual
        self.seed = seed
        self.projection = self._dense("projection", initial_scale, seed)
        self.history_projection = (
            self.projection if tied else self._dense("history_projection", 1.0, seed + 1)
        )
        self.lift = self._dense("lift", 1.0 if initial_scale else 0.0, seed + 2)
        self.history_lift = self._dense("history_lift", 1.0, seed + 3)

    def _dense(self, name: str, scale: float, seed: int) -> keras.layers.Dense:
        initializer: Any = "zeros"
        if scale:
            initializer = keras.initializers.VarianceScaling(
                scale**2, "fan_in", "untruncated_normal", seed=seed
            )
        return keras.layers.Dense(
            self.width, use_bias=False, kernel_initializer=initializer, name=name
        )

    def build(self, vectors_shape: Any, ids_shape: Any = None) -> None:
        """Creates the projections `[V, D]` and the lifts `[R, D]`."""
        if self.residual and vectors_shape[-1] != self.width:
            raise ConfigError(
                "Vectors are added to what is projected where both are as wide. Received: "
                f"vectors of width {vectors_shape[-1]} for a query of width {self.width}."
            )
        for layer in (self.projection, self.history_projection):
            if not layer.built:
                layer.build(vectors_shape)
        if ids_shape is not None:
            self.lift.build(ids_shape)
            self.history_lift.build(ids_shape)
        self.built = True

    def call(self, vectors: Any, ids: Any = None) -> Any:
        """Items as candidates: `[..., V]` in, `[..., D]` out."""
        return self._project(self.projection, vectors, self.lift, ids)

    def tokens(self, vectors: Any, ids: Any = None) -> Any:
        """Items as tokens of a history: `[..., V]` in, `[..., D]` out."""
        return self._project(self.history_projection, vectors, self.history_lift, ids)

    def _project(self, projection: Any, vectors: Any, lift: Any, ids: Any) -> Any:
        # A unit vector's entries are about 1/sqrt(V); a projection wants entries of about 1.
        vectors = vectors * vectors.shape[-1] ** 0.5
        projected = projection(vectors)
        if self.residual:
            projected = projected + vectors
        return projected if ids is None else projected + lift(ids)

    def compute_output_shape(self, vectors_shape: Any, ids_shape: Any = None) -> Any:
        """Shape `[..., D]`."""
        return (*vectors_shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "width": self.width,
            "tied": self.tied,
            "initial_scale": self.initial_scale,
            "seed": self.seed,
            "residual": self.residual,
        }
