"""What a ranker knows of an item before its prompts say anything, and how they correct it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from tfprompt.evaluation.baselines.item_knn import neighbours_of, users_of_items
from tfprompt.layers import RatedNeighbours, RatingBias, TakenTogether

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.ranking_pipeline import RankingPipeline
    from tfprompt.prompts.template import Template
    from tfprompt.tasks.objective import Objective

# What prompts add to what is known of user, item and neighbours starts small and learns slowly: at
# full size its noise costs more than it explains (MovieLens-100K, validation RMSE after two epochs
# .9609 against .9526 of the neighbours alone).
_CORRECTION = 0.1


class KnownStart:
    """The part of a `Ranker` that is measured rather than prompted.

    - Ratings: how user and item rate (`bias`), and what the user thought of similar items
      (`neighbours`), where the template shows past ratings.
    - Likes: what user and item liked (`likes`), and `neighbours` as of ratings.
    - Clicks: what the users of past items took too (`together`), where there is a history.

    All four are attributes of the model, so that Keras tracks them and their tensors keep the
    names of their layers.
    """

    objective: Objective
    pipeline: RankingPipeline
    mean: float
    std: float

    def _make_known(self, items: Catalog, template: Template, bias: bool, seed: int) -> None:
        """Creates the layers that this objective, data and template allow."""
        rating, kind = items.columns.get("rating"), self.objective.kind
        self.mean, self.std = (
            (0.0, 1.0) if rating is None else (rating.mean or 0.0, rating.std or 1.0)
        )
        self.bias = self.likes = self.neighbours = self.together = None
        # A click says nothing of how somebody rates; who clicked what says much of clicks.
        if bias and rating is not None and kind != "click":
            self.bias = RatingBias(len(items), self.mean, self.std, name="rating_bias")
            # Whether something is liked, what user and item liked says more than how they rated.
            if kind == "like":
                self.likes = RatingBias(len(items), 0.5, 0.5, 5.0, 2.0, name="like_bias")
            if template.shows_ratings:
                self.neighbours = RatedNeighbours(seed=seed, name="rated_neighbours")
        if bias and kind == "click" and template.has_history:
            self.together = TakenTogether(len(items), name="taken_together")

    def _build_known(self, width: int, rank: int | None) -> None:
        """Creates their weights, for item vectors of `width` and ids of `rank`."""
        if self.bias is not None:
            self.bias.build()
        if self.bias is not None and self.likes is not None:
            self.likes.build()
            self.bias.trainable = False  # it still says what history leaves unexplained
        if self.neighbours is not None:
            self.neighbours.build([(None, None, width), rank and (None, None, rank)])
        if self.together is not None:
            self.together.build()

    def _measure_known(self, sequences: Sequences, keep: bool = False) -> None:
        """Measures items and neighbours on the training part, and tells the pipeline.

        Args:
            sequences: the training part.
            keep: what the items are known for stays as it was measured before; each event's item
                is still judged without that event.
        """
        layers = [layer for layer in (self.bias, self.likes) if layer is not None]
        before = [np.array(layer.items.value) for layer in layers]
        if self.bias is not None and sequences.ratings is not None:
            users = np.repeat(np.arange(len(sequences)), np.diff(sequences.offsets))
            given = np.asarray(sequences.ratings)
            self.pipeline.item_bias = self.bias.fit_items(users, sequences.items, given)
            if self.likes is not None:
                liked = np.where(np.isnan(given), given, given >= self.objective.like)
                self.pipeline.item_bias = self.likes.fit_items(users, sequences.items, liked)
        if keep:
            for layer, items in zip(layers, before, strict=True):
                layer.items.assign(items)
        if self.together is not None:
            if not keep:
                self.together.adapt(
                    *neighbours_of(sequences, self.together.neighbours, self.together.shrinkage),
                    users_of_items(sequences),
                )
            self.pipeline.says_own = True

    def _corrected(
        self,
        outputs: Any,
        rows: Any,
        moments: Any,
        *,
        words: bool,
        past: Any = None,
        ratings: Any = None,
        residuals: Any = None,
        item_bias: Any = None,
        own: Any = None,
        about: Any = None,
        history: Any = None,
        training: bool | None = None,
    ) -> Any:
        """What is known, corrected by what the prompts say.

        Args:
            outputs: `[B, Q]`, of the head.
            rows: int `[B, Q]`, catalog rows of the candidates.
            moments: int `[B, Q]`, how many items of the history each may use.
            words: whether a verbalizer spoke: its outputs are ratings already, else they are in
                standard deviations.
            past: int `[B, H]`, catalog rows of the history; None without one.
            ratings: `[B, H]`, NaN for none; None where none are known.
            residuals: `[B, H]`, what the bias leaves unexplained of them, around the mean.
            item_bias: `[B, Q]`, in place of the items' own.
            own: `[B, Q]`, how often the user's own events count in what is taken together.
            about: text vectors and ids of the candidates.
            history: the same of the history.
            training: runs dropout.

        Returns:
            Ratings, or logits of likes and clicks, `[B, Q]`.
        """
        rates = self.objective.kind == "rating"
        known = None
        if self.together is not None and past is not None:
            known = self.together(rows, past, moments, own)
        if self.bias is not None:
            known = self._levels(rows, moments, past, ratings, item_bias)
            if self.neighbours is not None and ratings is not None:
                unexplained = (residuals - self.mean) / self.std
                known = known + self.neighbours(
                    about, history, unexplained, moments, training=training
                )
        if known is not None:
            known = known * self.std if rates and words else known
            # A verbalizer starts from its words, not from zero, and scales itself.
            outputs = (outputs if words else _CORRECTION * outputs) + known
        return self.mean + self.std * outputs if rates and not words else outputs

    def _levels(self, rows: Any, moments: Any, past: Any, ratings: Any, item_bias: Any) -> Any:
        """What user and item say `[B, Q]`: deviations, of a like a logit."""
        assert self.bias is not None
        if self.likes is None:
            return self.bias(rows, moments, past, ratings, item_bias)
        if ratings is not None:
            liked = ops.cast(ratings >= self.objective.like, ratings.dtype)
            ratings = ops.where(ops.isnan(ratings), ratings, liked)
        # The slope of a logit at one half, in deviations of a half.
        return 2.0 * self.likes(rows, moments, past, ratings, item_bias)
