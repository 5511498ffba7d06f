"""The last stage: a short list made diverse, mixed and fresh."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.layers._greedy_choice import LOWEST, greedy_choice


@keras.saving.register_keras_serializable("tfprompt")
class Rerank(keras.layers.Layer):
    """Chooses k of C candidates, one after the other, by maximal marginal relevance (MMR).

    Each place goes to the candidate with the highest

        (1 - diversity) · (relevance + freshness · 2^(-age / half_life)) - diversity · nearest

    where `relevance` is the score, min-max scaled to 0 … 1 over the candidates of its own
    request, so that a setting means the same for logits and for cosines; `nearest` is the largest
    cosine to an item chosen before (none for the first place). Equal values go to the higher
    score, equal scores to the candidate given first: with the default settings the result is the
    plain top k. Time grows with k · C · V.

    Args:
        k: number of results.
        diversity: 0 for relevance alone … 1 for distance alone, after the most relevant item.
        freshness: what a brand-new item gains, in units of the scaled relevance; 0 or more.
        half_life: age at which half of that gain is left, in the unit of the ages; needed with
            `freshness`.
        caps: how many items of one category a list may hold, None for any number. An item counts
            in each of its categories and may not be chosen when one of them is full.
        strict: what happens once no candidate may be chosen by `caps`. False fills the rest of
            the list with the best of those left, True leaves it empty.
        count: number of items N; `adapt` sets it, as `width` and `groups`.
        width: width V of a vector.
        groups: number of categories G, None without any.

    Call arguments:
        scores: `[B, C]`, of any scale. NaN, -inf and the lowest float32 say "not this one".
        rows: int `[B, C]`, catalog rows; outside 0 … N-1 is padding. An item is given once: a
            repeated one is another candidate. C and B may differ from call to call.

    Returns:
        Rows int32 `[B, k]`, best first, and their scores float32 `[B, k]` as they were given.
        Where nothing is left to choose, the row is -1 and the score the lowest float32.

    Raises:
        ConfigError: a setting out of range, tables that do not fit it or each other, a call
            before `adapt`.

    Example:
        >>> rerank = Rerank(k=2, diversity=0.5)
        >>> rerank.adapt(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
        >>> rows, scores = rerank(np.array([[9.0, 8.0, 7.0]]), np.array([[0, 1, 2]]))
        >>> ops.convert_to_numpy(rows).tolist(), ops.convert_to_numpy(scores).tolist()
        ([[0, 2]], [[9.0, 7.0]])

    Reference:
        Carbonell & Goldstein, 1998, "The Use of MMR, Diversity-Based Reranking for Reordering
        Documents and Producing Summaries"; diversity is their 1 - λ.
    """

    vectors: Any = None
    categories: Any = None
    age: Any = None

    def __init__(
        self,
        k: int,
        diversity: float = 0.0,
        freshness: float = 0.0,
        half_life: float | None = None,
        caps: int | None = None,
        strict: bool = False,
        count: int | None = None,
        width: int | None = None,
        groups: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=False, autocast=False, **kwargs)
        if k < 1:
            raise ConfigError(f"A list has 1 or more places. Received: k={k}.")
        if not 0 <= diversity <= 1:
            raise ConfigError(
                f"diversity goes from 0 (relevance) to 1 (distance). Received: {diversity}."
            )
        if not 0 <= freshness < float("inf"):
            raise ConfigError(f"freshness must be 0 or more. Received: {freshness}.")
        if half_life is None and freshness:
            raise ConfigError(
                f"freshness={freshness} needs a half_life, the age at which half of it is left, "
                "in the unit of the ages. Received: half_life=None."
            )
        if half_life is not None and not 0 < half_life < float("inf"):
            raise ConfigError(f"half_life must be above 0. Received: {half_life}.")
        if caps is not None and caps < 1:
            raise ConfigError(
                f"caps must be 1 or more, or None for no caps. Received: {caps}. To keep a "
                "category out, leave its items out of the candidates."
            )
        self.k = k
        self.diversity = diversity
        self.freshness = freshness
        self.half_life = half_life
        self.caps = caps
        self.strict = strict
        self.count = count
        self.width = width
        self.groups = groups

    def build(self, scores_shape: Any = None, rows_shape: Any = None) -> None:
        """Creates the tables that the settings read: vectors, categories, ages."""
        count, width, groups = self.count, self.width, self.groups
        ready = count and (width or not self.diversity) and (groups or self.caps is None)
        if not ready:
            raise ConfigError(
                "Rerank has to know its items before the first call. Received: "
                f"count={count}, width={width}, groups={groups}. "
                "Call adapt(vectors, categories, age)."
            )
        if self.diversity:
            self.vectors = self._table("vectors", (count, width), "float32")
        if self.caps is not None:
            self.categories = self._table("categories", (count, groups), "bool")
        if self.freshness:
            self.age = self._table("age", (count,), "float32")
        self.built = True

    def _table(self, name: str, shape: tuple[int | None, ...], dtype: str) -> Any:
        # Neither tables nor scores pass through half precision, whatever the policy.
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype=dtype,
            trainable=False,
            autocast=False,
            name=name,
        )

    def adapt(self, vectors: Any, categories: Any = None, age: Any = None) -> None:
        """Takes the facts about all N items; those that no setting reads are not kept.

        Args:
            vectors: `[N, V]`, of any length; a zero vector is at cosine 0 to everything.
            categories: bool `[N, G]`, needed with `caps`.
            age: float `[N]`, needed with `freshness`. NaN is unknown and gains nothing; below 0
                is as new as 0.

        Raises:
            ConfigError: a table is missing, has a wrong shape, or other sizes than before.
        """
        vectors = np.asarray(vectors, "float64")
        if vectors.ndim != 2 or not vectors.size or not np.isfinite(vectors).all():
            raise ConfigError(
                "Rerank needs item vectors [N, V], all finite. Received: shape "
                f"{vectors.shape}, {np.sum(~np.isfinite(vectors))} numbers not finite."
            )
        count, width = vectors.shape
        groups = None
        if self.caps is not None:
            if np.ndim(categories) != 2 or len(categories) != count or not np.size(categories):
                raise ConfigError(
                    f"caps={self.caps} needs categories, bool [N, G] with N={count}. "
                    f"Received: {_shape(categories)}."
                )
            groups = np.shape(categories)[1]
        if self.freshness and np.shape(age) != (count,):
            raise ConfigError(
                f"freshness={self.freshness} needs the age of each item, [N] with N={count}. "
                f"Received: {_shape(age)}."
            )
        if self.count is not None and (count, width, groups) != (
            (self.count, self.width, self.groups)
        ):
            raise ConfigError(
                f"This Rerank is for N={self.count}, V={self.width}, G={self.groups}. Received: "
                f"N={count}, V={width}, G={groups}. Make a new one for other items."
            )
        self.count, self.width, self.groups = count, width, groups
        if not self.built:
            self.build()
        if self.diversity:
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            self.vectors.assign((vectors / np.where(length > 0, length, 1)).astype("float32"))
        if self.caps is not None:
            self.categories.assign(np.asarray(categories, "bool"))
        if self.freshness:
            known = np.asarray(age, "float64")
            self.age.assign(np.where(np.isnan(known), np.inf, known).astype("float32"))

    def call(self, scores: Any, rows: Any) -> tuple[Any, Any]:
        """Chooses: `[B, C]` twice in, rows and scores `[B, k]` out."""
        shapes = tuple(scores.shape), tuple(rows.shape)
        known = [size for size in zip(*shapes, strict=False) if None not in size]
        if {len(shape) for shape in shapes} != {2} or any(one != other for one, other in known):
            raise ConfigError(
                f"Scores and rows have one shape, [B, C]. Received: {shapes[0]} and {shapes[1]}."
            )
        # One column more, which is never a candidate: what an empty place of the list points at.
        # Or two, since the choice wants an even number.
        column = ((0, 0), (0, 2 - ops.shape(scores)[1] % 2))
        scores = ops.pad(ops.cast(scores, "float32"), column, constant_values=LOWEST)
        rows = ops.pad(ops.cast(rows, "int32"), column, constant_values=-1)
        free = (rows >= 0) & (rows < self.count) & (scores > LOWEST)
        safe = ops.where(free, rows, 0)
        chosen = greedy_choice(
            self.k,
            (1 - self.diversity) * self._worth(scores, safe, free),
            scores,
            safe,
            free,
            diversity=self.diversity,
            vectors=self.vectors,
            caps=self.caps,
            categories=self.categories,
            strict=self.strict,
        )
        rows = ops.take_along_axis(rows, chosen, axis=1)
        return rows, ops.take_along_axis(scores, chosen, axis=1)

    def _worth(self, scores: Any, rows: Any, free: Any) -> Any:
        """Scaled relevance and freshness `[B, C]`; nothing to go by where `free` is False."""
        scores = ops.clip(scores, -1e38, 1e38)  # so that a difference is finite
        low = ops.min(ops.where(free, scores, 1e38), axis=1, keepdims=True)
        high = ops.max(ops.where(free, scores, -1e38), axis=1, keepdims=True)
        span = ops.where(high > low, high - low, 1.0)
        worth = (ops.where(free, scores, low) - low) / span
        if self.freshness:
            age = ops.maximum(ops.take(self.age, rows, axis=0), 0.0)
            worth = worth + self.freshness * ops.power(2.0, -age / self.half_life)
        return worth

    def compute_output_spec(self, scores: Any, rows: Any) -> tuple[Any, Any]:
        """Rows int32 and scores float32, `[B, k]` both."""
        shape = (scores.shape[0], self.k)
        return keras.KerasTensor(shape, "int32"), keras.KerasTensor(shape, "float32")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with the sizes of the tables that it was adapted to."""
        config = super().get_config()
        config.pop("trainable", None)
        names = ("k", "diversity", "freshness", "half_life", "caps", "strict", "count", "width",
                 "groups")  # fmt: skip
        return {**config, **{name: getattr(self, name) for name in names}}


def _shape(table: Any) -> str:
    return "None" if table is None else f"shape {np.shape(table)}"
