"""Windows and requests with the items to judge beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.data.batches import number_of_batches, request_batches
from tfprompt.errors import DataError
from tfprompt.models.pipeline import Batch, Pipeline
from tfprompt.tasks.objective import Objective

if TYPE_CHECKING:
    from tfprompt.data.column import Column
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.models.request_fields import RequestFields

# Candidates of a click in validation where no shortlist was given: the target among so many.
SAMPLED = 100
_LABEL = {"label": tf.TensorSpec([None, None], tf.float32)}


class RankingPipeline(Pipeline):
    """Builds the `tf.data` sets of one ranker.

    Beside what a retriever gets, x holds `candidates` int `[B, Q]` (catalog rows, -1 for padding)
    and `moments` int `[B, Q]` (how many items of the history each may see); y holds `label` float
    `[B, Q]`, NaN for padding.

    Args:
        encoder: the prompted encoder.
        columns: the model's columns, as of `Pipeline`.
        objective: what a label is.
        steps: targets of a window that are judged in one pass, drawn anew each epoch; None for
            all.
        item_text: as of `Pipeline`.
    """

    def __init__(
        self,
        encoder: PromptedEncoder,
        columns: Mapping[str, Column],
        objective: Objective,
        steps: int | None = None,
        item_text: str | None = None,
    ) -> None:
        super().__init__(encoder, columns, item_text)
        self.objective = objective
        self.steps = steps
        # float32 [E], what is known of each training event's item without that event; set by the
        # model that reads it.
        self.item_bias: np.ndarray | None = None
        # Whether x holds `own` in training, which of the candidates the user took; set likewise.
        self.says_own = False

    def training(
        self,
        sequences: Sequences,
        *,
        batch_size: int,
        seed: int,
        epoch: Callable[[], int],
        hard: np.ndarray | None = None,
    ) -> tf.data.Dataset:
        """Windows for training.

        Args:
            sequences: the training part.
            batch_size: windows in a step.
            seed: of order, steps and negatives.
            epoch: asked at the start of each pass.
            hard: int `[E, C]`, what the negatives of each event are drawn from; None draws them
                from all items that training knows.
        """
        self._check_ratings(sequences.ratings)
        self._check_likes(sequences.ratings)
        fields = self.training_fields(sequences)

        def generate() -> Iterator[Batch]:
            yield from self.judged_windows(
                sequences, fields, batch_size=batch_size, seed=seed, epoch=epoch(), hard=hard
            )

        count = number_of_batches(sequences, window=self.encoder.max_history, batch_size=batch_size)
        signature = self.training_signature(fields)
        if self.item_bias is not None:
            signature["item_bias"] = tf.TensorSpec([None, None], tf.float32)
        if self.says_own:
            signature["own"] = tf.TensorSpec([None, None], tf.float32)
        return self._dataset(generate, signature, _LABEL, count)

    def judged_windows(
        self,
        sequences: Sequences,
        fields: RequestFields,
        *,
        batch_size: int,
        seed: int,
        epoch: int,
        hard: np.ndarray | None = None,
    ) -> Iterator[Batch]:
        """The same as arrays."""
        generator = np.random.default_rng([seed, epoch, 1])
        known = np.flatnonzero(sequences.counts())
        for batch, x, y in self.training_arrays(
            sequences, batch_size=batch_size, seed=seed, epoch=epoch, fields=fields
        ):
            targets = y["target"]
            first = np.where(batch["start"], batch["event"][:, 0] - 1, -1)
            events = np.concatenate([first[:, None], batch["event"]], axis=1)
            labels = self._labels(sequences.ratings, events, targets >= 0)
            judged = ~np.isnan(labels)
            if hard is not None:
                judged &= (hard[np.maximum(events, 0)] >= 0).any(axis=-1)
            moments = _some(judged, self.steps, generator)
            real = moments >= 0
            at = np.maximum(moments, 0)
            targets = np.where(real, np.take_along_axis(targets, at, axis=1), -1)
            labels = np.where(real, np.take_along_axis(labels, at, axis=1), np.float32("nan"))
            events = np.where(real, np.take_along_axis(events, at, axis=1), 0)
            if self.item_bias is not None:
                x["item_bias"] = np.where(real, self.item_bias[events], np.float32(0))
            if self.objective.kind == "click":
                pool = known if hard is None else hard[events]
                targets, labels = self._with_negatives(targets, labels, pool, generator)
                at = np.repeat(at, self.objective.list_size or 1, axis=1)
            x["candidates"], x["moments"] = targets.astype(np.int32), at.astype(np.int32)
            if self.says_own:
                x["own"] = _owned(sequences, batch["row"], targets)
            yield x, {"label": labels.astype(np.float32)}

    def _with_negatives(
        self,
        targets: np.ndarray,
        labels: np.ndarray,
        pool: np.ndarray,
        generator: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Each target `[B, P]` followed by its negatives: `[B, P·(1+K)]` and their labels."""
        shape = (*targets.shape, self.objective.negatives)
        if pool.ndim == 1:
            drawn = pool[generator.integers(0, len(pool), shape)]
        else:
            column = generator.integers(0, pool.shape[-1], shape)
            drawn = np.take_along_axis(pool, column, axis=2)
        # A negative that is the target itself would teach the opposite of the label beside it.
        none = (drawn == targets[:, :, None]) | (targets[:, :, None] < 0) | (drawn < 0)
        drawn = np.where(none, -1, drawn)
        items = np.concatenate([targets[:, :, None], drawn], axis=2)
        given = np.where(none, np.float32("nan"), np.float32(0.0))
        marked = np.concatenate([labels[:, :, None], given], axis=2)
        return items.reshape(len(items), -1), marked.reshape(len(items), -1)

    def requests(
        self, requests: Requests, *, batch_size: int, shortlist: np.ndarray | None = None
    ) -> tf.data.Dataset:
        """Requests with their judged targets; for clicks with the candidates to rank.

        Args:
            requests: what is to be answered.
            batch_size: requests in a batch.
            shortlist: int `[R, C]`, the candidates of each request, for clicks; None ranks the
                first target among 99 unseen items drawn at random.
        """
        # Here, where the error reaches the caller as it is; TensorFlow would wrap it.
        self._check_ratings(requests.target_ratings)
        fields = self.fields_of(requests)
        clicks = self.objective.kind == "click"
        if clicks and shortlist is None:
            shortlist = _sampled(requests)
        lists: Any = shortlist

        def generate() -> Iterator[Batch]:
            for x, rows in self.request_arrays(requests, fields, batch_size):
                if clicks:
                    first = requests.targets[requests.target_offsets[rows]]
                    candidates = lists[rows]
                    label = np.where(candidates < 0, np.nan, candidates == first[:, None])
                else:
                    candidates, label = self.judged(requests, rows)
                yield with_candidates(x, candidates), {"label": label.astype(np.float32)}

        window = self.encoder.max_history
        count = sum(1 for _ in request_batches(requests, window=window, batch_size=batch_size))
        return self._dataset(generate, self.signature(fields), _LABEL, count)

    def judged(self, requests: Requests, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The targets of some requests `[B, C]`, -1 for padding, and their labels."""
        candidates, places = self.targets(requests, rows)
        return candidates, self._labels(requests.target_ratings, places, candidates >= 0)

    @staticmethod
    def targets(requests: Requests, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The targets of some requests `[B, C]`, -1 for padding, and their places."""
        starts, ends = requests.target_offsets[rows], requests.target_offsets[rows + 1]
        step = np.arange(max(1, int((ends - starts).max())))[None]
        real = step < (ends - starts)[:, None]
        places = np.where(real, starts[:, None] + step, 0)
        return np.where(real, requests.targets[places], -1), places

    def _labels(
        self, ratings: np.ndarray | None, places: np.ndarray, real: np.ndarray
    ) -> np.ndarray:
        """Labels of events: `[...]` places to float32 `[...]`, NaN where `real` is false."""
        if self.objective.kind == "click":
            return np.where(real, np.float32(1.0), np.float32("nan"))
        self._check_ratings(ratings)
        given = np.asarray(ratings)
        found = np.where(real, given[np.where(real, places, 0)], np.float32("nan"))
        if self.objective.kind == "like":
            found = np.where(np.isnan(found), found, found >= self.objective.like)
        return found.astype(np.float32)

    def _check_ratings(self, ratings: np.ndarray | None) -> None:
        if self.objective.kind != "click" and ratings is None:
            raise DataError(
                f"A ranker of {self.objective.kind}s learns from a column 'rating' of the "
                "interactions. Received: interactions without one. Use objective='click'.",
                column="rating",
            )
        listed = self.objective.kind == "rating" and self.objective.loss != "pointwise"
        if listed and ratings is not None and np.any(ratings < 0):
            # The listwise losses take a label below 0 for padding.
            raise DataError(
                f"Lists are compared by ratings of 0 or more. Received: {np.nanmin(ratings):g} "
                f"with loss={self.objective.loss!r}. Shift the ratings, or use loss='pointwise'.",
                column="rating",
            )

    def _check_likes(self, ratings: np.ndarray | None) -> None:
        """Refuses a training part in which all is liked, or nothing: it teaches no difference."""
        if self.objective.kind != "like" or ratings is None:
            return
        known = ratings[~np.isnan(ratings)]
        liked, all_ = int((known >= self.objective.like).sum()), len(known)
        if all_ and liked in (0, all_):
            raise DataError(
                f"A ranker of likes learns from ratings of {self.objective.like:g} or more and "
                f"from lower ones. Received: {all_:,} ratings of {known.min():g} to "
                f"{known.max():g}. Take a limit between them, as "
                "tp.tasks.Objective('like', like=...).",
                column="rating",
            )

    def signature(self, fields: RequestFields) -> dict[str, tf.TensorSpec]:
        """Shapes of x."""
        pair = tf.TensorSpec([None, None], tf.int32)
        return {**super().signature(fields), "candidates": pair, "moments": pair}


def with_candidates(x: dict[str, np.ndarray], candidates: np.ndarray) -> dict[str, np.ndarray]:
    """A request's x with candidates that see the whole history."""
    shown = x["history"] >= 0 if "history" in x else x["items_mask"]
    length = np.asarray(shown).sum(axis=1, dtype=np.int32)
    moments = np.repeat(length[:, None], candidates.shape[1], axis=1)
    return {**x, "candidates": candidates.astype(np.int32), "moments": moments}


def _some(real: np.ndarray, count: int | None, generator: np.random.Generator) -> np.ndarray:
    """At most `count` places of each row where `real` `[B, S]`, in order, -1 for padding."""
    width = int(max(1, real.sum(axis=1).max()))
    width = width if count is None else min(count, width)
    keys = np.where(real, generator.random(real.shape), 2.0)
    chosen = np.argsort(keys, axis=1)[:, :width]
    chosen = np.where(np.take_along_axis(real, chosen, axis=1), chosen, real.shape[1])
    chosen = np.sort(chosen, axis=1)
    return np.where(chosen < real.shape[1], chosen, -1)


def _owned(sequences: Sequences, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    """1 where a user has an item in training, else 0: `[B]` and `[B, Q]` to float32 `[B, Q]`."""
    parts = [sequences.items[slice(*sequences.offsets[row : row + 2])] for row in users]
    pairs = zip(items, parts, strict=True)
    return np.stack([np.isin(own, part) for own, part in pairs]).astype(np.float32)


def _sampled(requests: Requests) -> np.ndarray:
    """The first target and 99 other unseen items of each request, always the same."""
    generator = np.random.default_rng(0)
    count = len(requests.catalog)
    lists = np.full((len(requests), min(SAMPLED, count)), -1, np.int32)
    for row in range(len(requests)):
        target = requests.target(row)[0]
        unseen = np.setdiff1d(np.arange(count), np.append(requests.history(row), target))
        drawn = generator.permutation(unseen)[: lists.shape[1] - 1]
        lists[row, : 1 + len(drawn)] = [target, *drawn]
    return lists
