"""Two stages and a re-ranking in one model: retrieve many, rank them, show a few."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from keras import ops

from tfprompt.errors import ConfigError
from tfprompt.evaluation.measures import ndcg_at
from tfprompt.layers import Rerank
from tfprompt.layers.blend_scores import blend_scores
from tfprompt.models.item_facts import rerank_facts
from tfprompt.models.recommending import Recommendation, recommend
from tfprompt.models.shortlist import best, request_shortlist

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.retriever import Retriever


class Recommender:
    """A retriever, a ranker of what it found, and a re-ranking of the best.

    The retriever compares the request with all N items and hands on the `retrieve` best. The
    ranker judges each of those; both scores are blended, and the `rank` best are kept. Those are
    put in their final order by relevance, diversity, caps and freshness.

    Args:
        retriever: a trained retriever.
        ranker: a trained ranker over the same catalog; None keeps the retriever's order. With an
            encoder of `retriever.encoder.loaded` the backbone is held, and exported, once.
        retrieve: items that the first stage finds.
        rank: items that the second stage keeps, the longest list that can be asked for.
        blend: weight of the ranker's score beside the retriever's, 0 to 1; see `tune`.
        diversity: see `Rerank`; 0 for none.
        caps: items of one category in a list, at most; None for any number.
        category: the column of the categories.
        separator: what stands between an item's categories.
        freshness: see `Rerank`; what a new item gains.
        half_life: age at which half of that is left, in units of the column `age`.
        age: the numeric column that says when an item appeared, as `year`.
        strict: leaves places empty that no item may take by `caps`.
        name: what reports call it.

    Raises:
        ConfigError: other catalogs, numbers out of range, or items without the column that `caps`
            or `freshness` needs.

    Example:
        model = tp.Recommender(retriever, ranker, diversity=0.2, caps=4)
        model.tune(split.validation)
        for item in model.recommend(history=["50", "181"], k=10):
            print(item.title)
        model.export("models/shop/1")
    """

    def __init__(
        self,
        retriever: Retriever,
        ranker: Ranker | None = None,
        *,
        retrieve: int = 200,
        rank: int = 20,
        blend: float = 0.5,
        diversity: float = 0.0,
        caps: int | None = None,
        category: str = "genres",
        separator: str | None = ", ",
        freshness: float = 0.0,
        half_life: float | None = None,
        age: str = "year",
        strict: bool = False,
        name: str = "recommender",
    ) -> None:
        items = retriever.catalog
        if ranker is not None and ranker.catalog.fingerprint != items.fingerprint:
            raise ConfigError(
                "Both stages know the same catalog. Received: "
                f"{len(items)} items ({items.fingerprint[:12]}) and {len(ranker.catalog)} "
                f"({ranker.catalog.fingerprint[:12]})."
            )
        if not 1 <= rank <= retrieve:
            raise ConfigError(
                "The second stage keeps 1 item or more of those that the first one finds. "
                f"Received: retrieve={retrieve}, rank={rank}."
            )
        self.retriever = retriever
        self.ranker = ranker
        self.catalog = items
        self.retrieve = min(retrieve, len(items))
        self.rank = min(rank, len(items))
        self.blend = blend
        self.name = name
        self.category, self.separator, self.age = category, separator, age
        self.rerank = Rerank(
            self.rank, diversity, freshness, half_life, caps, strict, name="rerank"
        )
        self._facts = rerank_facts(
            items, caps=caps, category=category, separator=separator, freshness=freshness, age=age
        )

    @property
    def blend(self) -> float:
        """Weight of the ranker's score beside the retriever's, 0 to 1."""
        return self._blend

    @blend.setter
    def blend(self, weight: float) -> None:
        if not 0 <= weight <= 1:
            raise ConfigError(f"A blend goes from 0 to 1. Received: {weight}.")
        self._blend = weight
        self._ranked = self._graph = None  # both were made with the last one

    @property
    def encoder(self) -> Any:
        """The retriever's: it says what a request may hold."""
        return self.retriever.encoder

    def prepare(self) -> None:
        """Encodes the catalog, once."""
        self.retriever.prepare()
        if self.ranker is not None:
            self.ranker.prepare()
        if not self.rerank.built:
            self.rerank.adapt(np.asarray(self.retriever.item_table.vectors), *self._facts)

    # -- answers ------------------------------------------------------------------------------

    def finish(self, rows: Any, first: Any, second: Any) -> tuple[Any, Any]:
        """From both stages' scores to the final list; runs inside a graph too.

        Args:
            rows: int `[B, C]`, what the retriever found, -1 for padding.
            first: its scores `[B, C]`.
            second: the ranker's scores `[B, C]`, or None.

        Returns:
            Rows int32 `[B, rank]`, best first, -1 where nothing is left, and the blended scores
            float32 `[B, rank]`.
        """
        if second is None:
            second, weight = first, 0.0
        else:
            weight = self.blend
        scores = blend_scores(first, second, weight, rows >= 0)
        # Stable, so that equal scores keep the retriever's order, in every process alike.
        order = ops.argsort(-scores, axis=1)[:, : self.rank]
        kept = ops.take_along_axis(rows, order, axis=1)
        return self.rerank(ops.take_along_axis(scores, order, axis=1), kept)

    def lists(self, requests: Requests) -> np.ndarray:
        """The final list of each request, int32 `[R, rank]`, catalog rows, -1 for none."""
        self.prepare()
        found = self._shortlists(requests)
        return self._finished(*found)[0]

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        """Scores of all items for some requests `[len(rows), N]`: what `tp.evaluate` ranks.

        The final list stands first, in its order; what was found but not kept follows, and then
        the rest, both in the retriever's order.
        """
        stages = [stage for stage in (self.retriever, self.ranker) if stage is not None]
        weights = [stage.weights_hash() for stage in stages]
        if self._ranked is None or self._ranked[0] is not requests or self._ranked[1] != weights:
            self._ranked = (requests, weights, self.lists(requests))
        lists = self._ranked[2][rows]
        scores = np.array(self.retriever.scores(requests, rows), np.float32)
        spread = np.abs(scores).max(axis=1, keepdims=True) + 1
        scores = scores / spread - 1  # all below 0
        for place in range(lists.shape[1]):
            real = np.flatnonzero(lists[:, place] >= 0)
            scores[real, lists[real, place]] = lists.shape[1] - place
        return scores

    # What was answered last, and the graph that answers.
    _ranked: Any = None
    _graph: Any = None

    def tune(
        self, validation: Requests, blends: Sequence[float] = tuple(np.linspace(0, 1, 11))
    ) -> dict[float, float]:
        """Chooses `blend` on validation: NDCG@10 without re-ranking, by weight.

        Args:
            validation: the validation part of a split.
            blends: the weights to try; the first of equal ones wins.
        """
        if self.ranker is None:
            raise ConfigError("A blend needs a ranker. Received: a recommender without one.")
        self.prepare()
        rows, first, second = self._shortlists(validation)
        offsets = np.arange(len(validation) + 1)
        target = validation.targets[validation.target_offsets[:-1]]
        figures = {}
        for blend in map(float, blends):
            scores = np.asarray(blend_scores(first, second, blend, rows >= 0))
            own = rows == target[:, None]
            value = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
            ahead = ((scores >= value) & ~own).sum(axis=1)
            ranks = np.where(own.any(axis=1), 1 + ahead, len(self.catalog))
            figures[round(blend, 6)] = float(ndcg_at(ranks, offsets, 10).mean())
        self.blend = max(figures, key=lambda weight: figures[weight])
        return figures

    def _shortlists(self, requests: Requests) -> tuple[np.ndarray, np.ndarray, Any]:
        """Rows `[R, C]` and both stages' scores `[R, C]`."""
        rows = request_shortlist(self.retriever, requests, self.retrieve)
        first = np.zeros(rows.shape, np.float32)
        for at in range(0, len(requests), 256):
            some = np.arange(at, min(at + 256, len(requests)))
            scores = self.retriever.scores(requests, some)
            first[some] = np.take_along_axis(scores, np.maximum(rows[some], 0), axis=1)
        if self.ranker is None:
            return rows, first, None
        return rows, first, self.ranker.scores_of(requests, np.arange(len(requests)), rows)

    def _finished(self, rows: np.ndarray, first: np.ndarray, second: Any) -> Any:
        if self._graph is None:
            self._graph = tf.function(self.finish, reduce_retracing=True)
        parts = []
        for at in range(0, len(rows), 64):
            some = slice(at, at + 64)
            given = [None if x is None else tf.constant(x[some]) for x in (rows, first, second)]
            parts.append([np.asarray(part) for part in self._graph(*given)])
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def of_scores(self, scores: np.ndarray, inputs: Any) -> tuple[np.ndarray, np.ndarray]:
        """The final list of one request.

        Args:
            scores: the retriever's scores of all items `[N]`, minus infinity for those that must
                not be recommended.
            inputs: the ranker's x of the request, without candidates; None without a ranker.

        Returns:
            Rows int32 `[rank]`, -1 for none, and scores `[rank]`.
        """
        self.prepare()
        rows = best(scores[None], self.retrieve)
        first = scores[None, np.maximum(rows[0], 0)]
        first = np.where(rows >= 0, first, 0).astype(np.float32)
        second = None if self.ranker is None else self.ranker.score_items(inputs, rows)
        found, blended = self._finished(rows, first, second)
        return found[0], blended[0]

    def recommend(self, request: Any = None, **arguments: Any) -> list[Recommendation]:
        """Recommends items; arguments as in `tp.recommend`, with k at most `rank`."""
        return recommend(self, request, **arguments)

    # -- what is kept -------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """The constructor's options, as JSON."""
        config = self.rerank.get_config()
        kept = ("diversity", "freshness", "half_life", "caps", "strict")
        return {
            "retrieve": self.retrieve,
            "rank": self.rank,
            "blend": self.blend,
            "category": self.category,
            "separator": self.separator,
            "age": self.age,
            "name": self.name,
            **{name: config[name] for name in kept},
        }

    def save_prompts(self, directory: str | os.PathLike[str]) -> Path:
        """Writes both stages and the settings; see `Recommender.load`."""
        from tfprompt.models import recommender_files

        return recommender_files.save(self, directory)

    @classmethod
    def load(cls, directory: str | os.PathLike[str], items: Any, **kwargs: Any) -> Recommender:
        """Loads what `save_prompts` wrote; arguments as in `tp.load`."""
        from tfprompt.models import recommender_files

        return recommender_files.load(directory, items, **kwargs)

    def export(
        self, filepath: str | os.PathLike[str], *, k: int | None = None, **options: Any
    ) -> Path:
        """Writes one SavedModel that retrieves, ranks and re-ranks.

        Args:
            filepath: `<name>/<version>` with an integer version; must not exist.
            k: the most results of a request, at most `rank`, which is what None takes.
            **options: as of `tfprompt.artifacts.export_saved_model`.
        """
        from tfprompt.artifacts.saved_model import export_saved_model

        return export_saved_model(self, filepath, k=self.rank if k is None else k, **options)
