"""From the data room's arrays to what a `fit` step takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import tensorflow as tf

from tfprompt.data.batches import number_of_batches, request_batches, training_batches
from tfprompt.models.request_fields import RequestFields, context_frame, history_texts
from tfprompt.prompts.segments import CLOCK_FEATURES, USER

if TYPE_CHECKING:
    from tfprompt.data.column import Column
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences
    from tfprompt.encoders.prompted import PromptedEncoder

Batch = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


class Pipeline:
    """Builds the `tf.data` sets of one model.

    Args:
        encoder: the prompted encoder, whose template says which columns are needed.
        columns: the model's columns by name. Data that is read again codes its categories by its
            own frequencies; what a model trained goes by its own.
        item_text: how an item reads in a history as words, None for the catalog's own way.
    """

    def __init__(
        self,
        encoder: PromptedEncoder,
        columns: Mapping[str, Column],
        item_text: str | None = None,
    ) -> None:
        self.encoder = encoder
        self.columns = columns
        self.item_text = item_text

    def training(
        self, sequences: Sequences, *, batch_size: int, seed: int, epoch: Callable[[], int]
    ) -> tf.data.Dataset:
        """Windows for training; `epoch()` is asked at the start of each pass.

        Each element is `(x, y)`: x as `PromptedEncoder.call` takes it, with `history` int
        `[B, L]` (catalog row, -1 for padding) in place of vectors; y with `target` int
        `[B, L+1]`, the item that follows each step, -1 for none.
        """
        fields = self.training_fields(sequences)

        def generate() -> Iterator[Batch]:
            for _, x, y in self.training_arrays(
                sequences, batch_size=batch_size, seed=seed, epoch=epoch(), fields=fields
            ):
                yield x, y

        count = number_of_batches(sequences, window=self.encoder.max_history, batch_size=batch_size)
        y = {"target": tf.TensorSpec([None, None], tf.int32)}
        return self._dataset(generate, self.training_signature(fields), y, count)

    def training_fields(self, sequences: Sequences) -> RequestFields:
        """The text and features of each user in training."""
        fields = self._fields(sequences)
        of_events = {*sequences.context, *CLOCK_FEATURES}
        if of_events.isdisjoint(self.encoder.template.fields):  # else an event has its own text
            fields.prepare(np.arange(len(sequences)))
        return fields

    def training_arrays(
        self,
        sequences: Sequences,
        *,
        batch_size: int,
        seed: int,
        epoch: int = 0,
        shift: bool = True,
        fields: RequestFields | None = None,
    ) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """Yields the raw windows (see `training_batches`), x and y of one epoch."""
        fields = fields or self.training_fields(sequences)
        contexts = context_frame(self.encoder.template, sequences)
        generator = np.random.default_rng([seed, epoch, 2])
        for batch in training_batches(
            sequences,
            window=self.encoder.max_history,
            batch_size=batch_size,
            seed=seed,
            epoch=epoch,
            shift=shift,
        ):
            x, y = self._training_batch(batch, fields, contexts)
            if self._glimpses:
                _hide_from_prompts(x, y, generator)
            if self.encoder.template.shows_ratings:
                # The event of an input is the one before its target's.
                x["ratings"] = _at(sequences.ratings, batch["event"] - 1, batch["event"] >= 0)
            yield batch, x, y

    def _training_batch(
        self, batch: dict[str, np.ndarray], fields: RequestFields, contexts: pl.DataFrame | None
    ) -> Batch:
        target = np.concatenate([batch["first"][:, None], batch["target"]], axis=1) - 1
        context = None
        if contexts is not None:
            # A prompt that holds a context (an hour, a device) is the prompt of the events that
            # share it: the newest target's context is shown, and only such targets are trained.
            newest = batch["event"].max(axis=1)
            codes = contexts["_code"].to_numpy()
            first_event = batch["event"][:, 0] - 1
            events = np.concatenate([first_event[:, None], batch["event"]], axis=1)
            same = codes[np.maximum(events, 0)] == codes[newest][:, None]
            target = np.where(same, target, -1)
            context = contexts[newest]
        if self.encoder.template.text_history is not None:
            # The words hold the inputs of the whole window: only what follows them is unseen.
            last = (batch["target"] > 0).sum(axis=1)
            target = np.where(np.arange(target.shape[1]) == last[:, None], target, -1)
        if self.encoder.attention == "full":
            # Items see later ones, so only the last step's target is unseen.
            last = (batch["target"] > 0).sum(axis=1)
            target = np.take_along_axis(target, last[:, None], axis=1)
            # The newest input of a window is its last; the step that is read out follows it.
        history = (batch["history"] - 1).astype(np.int32)
        x = {"history": history, **fields.take(batch["row"], context, history)}
        return x, {"target": target.astype(np.int32)}

    def requests(self, requests: Requests, *, batch_size: int) -> tf.data.Dataset:
        """Requests: y holds `target` `[B]` (the first one) and `exclude` `[B, N]`."""
        fields = self.fields_of(requests)
        count = len(requests.catalog)

        def generate() -> Iterator[Batch]:
            for x, rows in self.request_arrays(requests, fields, batch_size):
                target = requests.targets[requests.target_offsets[rows]]
                exclude = np.zeros((len(rows), count), bool)
                if requests.exclude_seen:
                    for place, row in enumerate(rows):
                        exclude[place, requests.history(row)] = True
                    exclude[np.arange(len(rows)), target] = False
                yield x, {"target": target.astype(np.int32), "exclude": exclude}

        y = {
            "target": tf.TensorSpec([None], tf.int32),
            "exclude": tf.TensorSpec([None, count], tf.bool),
        }
        batches = sum(
            1
            for _ in request_batches(
                requests, window=self.encoder.max_history, batch_size=batch_size
            )
        )
        return self._dataset(generate, self.signature(fields), y, batches)

    def request_arrays(
        self,
        requests: Requests,
        fields: RequestFields,
        batch_size: int,
        some: np.ndarray | None = None,
    ) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        """Yields x and the requests' rows, short histories first.

        Args:
            requests: R requests.
            fields: from `fields_of`.
            batch_size: requests in a batch, at most.
            some: int `[n]`, only these requests; what is yielded beside x are then places in it.
        """
        contexts = context_frame(self.encoder.template, requests)
        place = None if some is None else {int(row): at for at, row in enumerate(some)}
        for batch in request_batches(
            requests, window=self.encoder.max_history, batch_size=batch_size, some=some
        ):
            rows = batch["row"]
            context = None if contexts is None else contexts[rows]
            history = (batch["history"] - 1).astype(np.int32)
            x = {"history": history, **fields.take(rows, context, history)}
            if self.encoder.template.shows_ratings:
                x["ratings"] = self._request_ratings(requests, rows, x["history"])
            yield x, rows if place is None else np.array([place[int(row)] for row in rows])

    @staticmethod
    def _request_ratings(requests: Requests, rows: np.ndarray, history: np.ndarray) -> np.ndarray:
        """Ratings of the newest items of each history, `[B, L]` as in `request_batches`."""
        lengths = (history >= 0).sum(axis=1, keepdims=True)
        step = np.arange(history.shape[1])[None]
        places = requests.history_offsets[1:][rows][:, None] - lengths + step
        return _at(requests.history_ratings, places, step < lengths)

    def fields_of(self, requests: Requests) -> RequestFields:
        """The text and features of each request's user."""
        return self._fields(requests)

    def _fields(self, part: Sequences | Requests) -> RequestFields:
        items = history_texts(self.encoder.template, part.catalog, self.item_text)
        return RequestFields(self.encoder, self.columns, people(part), items=items)

    def _dataset(
        self,
        generate: Callable[[], Iterator[Batch]],
        x: dict[str, tf.TensorSpec],
        y: dict[str, tf.TensorSpec],
        count: int,
    ) -> tf.data.Dataset:
        data = tf.data.Dataset.from_generator(generate, output_signature=(x, y))
        return data.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)

    @property
    def _glimpses(self) -> bool:
        """Whether prompts are made of past items that are trained as targets too."""
        return self.encoder.template.glimpses and self.encoder.attention == "causal"

    def training_signature(self, fields: RequestFields) -> dict[str, tf.TensorSpec]:
        """Shapes of x in training."""
        x = self.signature(fields)
        if self._glimpses:
            x["glimpse"] = tf.TensorSpec([None, None], tf.bool)
        return x

    def signature(self, fields: RequestFields) -> dict[str, tf.TensorSpec]:
        """Shapes of x."""
        x = {"history": tf.TensorSpec([None, None], tf.int32), **fields.signature()}
        if self.encoder.template.shows_ratings:
            x["ratings"] = tf.TensorSpec([None, None], tf.float32)
        return x


def people(part: Sequences | Requests) -> pl.DataFrame:
    """The profile of each row's person, and their id as the column `user`."""
    ids = pl.Series(USER, part.user_ids.tolist(), pl.String)
    if part.users is None:
        return pl.DataFrame([ids])
    # The data's own column of that name comes first.
    return part.users if USER in part.users.columns else part.users.with_columns(ids)


def _hide_from_prompts(
    x: dict[str, np.ndarray], y: dict[str, np.ndarray], generator: np.random.Generator
) -> None:
    """Makes the prompts of a window from its first items, and trains the steps behind them.

    One prompt serves all steps of a window. Made from all items, it would show each step what
    follows.
    """
    present = x["history"] >= 0
    seen = generator.integers(0, present.sum(axis=1) + 1)[:, None]
    x["glimpse"] = present & (np.arange(present.shape[1])[None] < seen)
    y["target"] = np.where(np.arange(y["target"].shape[1])[None] >= seen, y["target"], -1)


def _at(ratings: np.ndarray | None, places: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Ratings at some places `[B, L]`; NaN where `real` is false or nothing is known."""
    if ratings is None or not len(ratings):
        return np.full(places.shape, np.nan, np.float32)
    return np.where(real, ratings[np.where(real, places, 0)], np.float32("nan"))
