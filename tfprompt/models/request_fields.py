"""The columns of a request as text states and feature values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import tensorflow as tf

from tfprompt.encoders.cache import StateCache
from tfprompt.encoders.texts import lower_graph
from tfprompt.prompts.segments import CLOCK_FEATURES
from tfprompt.prompts.template import Template

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.column import Column
    from tfprompt.encoders.prompted import PromptedEncoder

# Texts that run through the lower layers together.
_AT_ONCE = 256
# Histories as words differ from event to event: so many bytes of their states are kept at most.
_KEPT_BYTES = 256 * 2**20


class RequestFields:
    """Looks up what the template says of a request; each text runs once below the seam.

    Texts with a history as words are many: of those a bounded number is kept in memory, and none
    on disk.

    Args:
        encoder: the prompted encoder.
        columns: the data's columns by name.
        users: one row per user, the profile columns, or None.
        cache: keeps the states on disk, for data that is read again. Not for what a single
            person types.
        items: what each item is called in a history as words `[N]`, see `history_texts`.
    """

    def __init__(
        self,
        encoder: PromptedEncoder,
        columns: Mapping[str, Column],
        users: pl.DataFrame | None,
        cache: bool = True,
        items: Sequence[str] = (),
    ) -> None:
        self.encoder = encoder
        self.columns = columns
        self.users = users
        self.history = encoder.template.text_history
        self.items = items
        self._kept_bytes = 0
        cache = cache and self.history is None
        kind = f"seam-{encoder.prompt_layer}-tokens"
        self._cache = StateCache(encoder.loaded.fingerprint, kind, encoder.width) if cache else None
        self._states: dict[tuple[Any, ...], int] = {}
        self._texts: list[dict[str, np.ndarray]] = []

    def signature(self) -> dict[str, tf.TensorSpec]:
        """Shapes of what `take` returns."""
        width = self.encoder.width
        signature = {
            "states": tf.TensorSpec([None, None, width], tf.float32),
            "states_mask": tf.TensorSpec([None, None], tf.bool),
            "order": tf.TensorSpec([None, None], tf.int32),
        }
        for name in self.encoder.template.features:
            number = name in self.columns and self.columns[name].kind == "number"
            signature[name] = tf.TensorSpec([None], tf.float32 if number else tf.int32)
        return signature

    def prepare(self, rows: np.ndarray) -> None:
        """Computes the texts of many users at once, which is faster than batch by batch.

        Args:
            rows: int `[n]`, rows of the users.
        """
        if self.history is not None:
            return
        names = self.encoder.template.fields
        columns = [map(as_text, self._column(name, rows, None)) for name in names]
        keys = zip(*columns, strict=True) if names else [()]
        self._compute([key for key in dict.fromkeys(keys) if key not in self._states], names)

    def take(
        self,
        rows: np.ndarray,
        context: pl.DataFrame | None = None,
        history: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """The text states and features of some requests.

        Args:
            rows: int `[B]`, rows of the users.
            context: the context columns of the same requests, `[B]` rows.
            history: int `[B, H]`, catalog rows of their past items, oldest first, negative ones
                are none; read by a template with a history as words.

        Returns:
            `states` `[B, T, D]`, `states_mask` and `order` `[B, T]`, and each feature `[B]`.
        """
        template = self.encoder.template
        values = {
            name: self._column(name, rows, context)
            for name in (*template.fields, *template.features)
        }
        fields = {name: [as_text(v) for v in values[name]] for name in template.fields}
        taken = self._text_states(fields, self._newest(history, len(rows)))
        for name in template.features:
            if name in self.columns:
                encoded = self.columns[name].encode(values[name])
                if self.columns[name].kind == "number":
                    # A missing number has a token of its own, not that of the mean.
                    known = values[name].cast(pl.Float64).is_finite().fill_null(False)
                    encoded = np.where(known.to_numpy(), encoded, np.float32("nan"))
                taken[name] = encoded
            else:
                # Clock features count from 1; 0 stands for an unknown time.
                taken[name] = values[name].fill_null(-1).to_numpy().astype(np.int32) + 1
        return taken

    def _column(self, name: str, rows: np.ndarray, context: pl.DataFrame | None) -> pl.Series:
        if context is not None and name in context.columns:
            return context[name]
        if self.users is not None and name in self.users.columns:
            return self.users[name][rows]
        return pl.Series(name, [None] * len(rows), dtype=pl.String)

    def _newest(self, history: np.ndarray | None, batch: int) -> list[tuple[int, ...]]:
        """The catalog rows of the newest items that are read as words, of each request."""
        if self.history is None or history is None:
            return [()] * batch
        return [tuple(row[row >= 0][-self.history.count :].tolist()) for row in history]

    def _text_states(
        self, fields: dict[str, list[str]], past: list[tuple[int, ...]]
    ) -> dict[str, np.ndarray]:
        """Padded states of the requests' texts, of their fields and past items (`[B]` each)."""
        batch = len(past)
        texts = list(zip(*fields.values(), strict=True)) if fields else [()] * batch
        keys = [(*text, *rows) for text, rows in zip(texts, past, strict=True)]
        new = [key for key in dict.fromkeys(keys) if key not in self._states]
        if self._kept_bytes > _KEPT_BYTES:
            self._states, self._texts, self._kept_bytes = {}, [], 0
            new = list(dict.fromkeys(keys))
        if new:
            self._compute(new, tuple(fields))
        places = np.array([self._states[key] for key in keys])
        chosen = [self._texts[place] for place in dict.fromkeys(places.tolist())]
        length = max(text["states"].shape[0] for text in chosen)
        result = {
            "states": np.zeros((batch, length, self.encoder.width), np.float32),
            "states_mask": np.zeros((batch, length), bool),
            "order": np.zeros((batch, length), np.int32),
        }
        for row, place in enumerate(places):
            for name, value in self._texts[place].items():
                result[name][row, : len(value)] = value
        return result

    def _compute(self, keys: list[tuple[Any, ...]], names: tuple[str, ...]) -> None:
        """Runs the lower layers on texts that were not seen before."""
        for at in range(0, len(keys), _AT_ONCE):
            some = keys[at : at + _AT_ONCE]
            fields = {
                name: tf.constant([key[column] for key in some])
                for column, name in enumerate(names)
            }
            past = None
            if self.history is not None:
                rows = [[self.items[row] for row in key[len(names) :]] for key in some]
                past = tf.ragged.constant(rows, tf.string, ragged_rank=1)
            plan = self.encoder.text_plan(fields, len(some), past)
            lengths = plan["padding_mask"].numpy().sum(axis=1)
            ids = [row[:n] for row, n in zip(plan["token_ids"].numpy(), lengths, strict=True)]
            written = [" ".join(map(str, row)) for row in ids]
            if self._cache is None:  # not its truth: an empty cache is false
                states = self._run(written)
            else:
                states = self._cache.states(written, self._run)
            for row, key in enumerate(some):
                if self.history is not None:
                    self._kept_bytes += states[row].nbytes
                self._states[key] = len(self._texts)
                self._texts.append(
                    {
                        "states": states[row],
                        "states_mask": np.ones(lengths[row], bool),
                        "order": np.asarray(plan["order"][row, : lengths[row]]),
                    }
                )

    def _run(self, written: list[str]) -> list[np.ndarray]:
        """States `[T, D]` of texts that are written as their token ids."""
        rows = [np.array(text.split(), np.int32) for text in written]
        token_ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
        mask = np.zeros(token_ids.shape, bool)
        for place, row in enumerate(rows):
            token_ids[place, : len(row)], mask[place, : len(row)] = row, True
        seam = self.encoder.seam
        # Histories as words are a batch of new texts at every step: worth a graph.
        traced = self.history is not None
        forward = lower_graph(self.encoder.loaded, seam) if traced else seam.lower_states
        states = np.asarray(forward(token_ids, mask))
        return [states[place, : len(row)] for place, row in enumerate(rows)]


def history_texts(template: Template, catalog: Catalog, item_text: str | None = None) -> list[str]:
    """What each item is called in the template's history as words `[N]`; empty without one."""
    history = template.text_history
    if history is None:
        return []
    return catalog.texts(item_text) if history.form == "text" else catalog.titles()


def context_frame(template: Template, part: Any) -> pl.DataFrame | None:
    """The context columns that the template names, a row per event or request.

    With one `_code` a combination; None where the template names none.
    """
    columns: dict[str, Any] = {}
    known = part.catalog.columns
    for name in (*template.fields, *template.features):
        if name in part.context:
            values = part.context[name]
            # As a list: an object array that starts with None would stay opaque to polars.
            listed = values.tolist() if values.dtype == object else values
            columns[name] = pl.Series(name, listed)
        elif name in CLOCK_FEATURES and name not in known and part.timestamps is not None:
            columns[name] = clock(name, part.timestamps)
    if not columns:
        return None
    frame = pl.DataFrame(columns)
    return frame.with_columns(_code=pl.struct(list(columns)).rank("dense"))


def clock(name: str, timestamps: np.ndarray) -> pl.Series:
    """Hour (0-23), weekday (0 = Monday) or month (0-11) of UTC timestamps in seconds `[n]`."""
    # Not strict: a missing moment is NaN, which no integer is, and becomes null.
    time = pl.from_epoch(pl.Series(name, timestamps).cast(pl.Int64, strict=False), time_unit="s")
    if name == "hour":
        return time.dt.hour().cast(pl.Int32)
    if name == "weekday":
        return time.dt.weekday().cast(pl.Int32) - 1
    return time.dt.month().cast(pl.Int32) - 1


def as_text(value: object) -> str:
    """A column's value as a template reads it: "" for none, 24 for 24.0."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
