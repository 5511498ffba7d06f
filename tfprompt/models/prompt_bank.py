"""Named prompts of one model in a running process; each row of a batch takes its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfprompt.errors import ConfigError
from tfprompt.models import prompt_files
from tfprompt.models.named_prompts import (
    DEFAULT,
    as_tensors,
    deep_of,
    frame_of,
    read_prompt,
    shared_digests,
    soft_of,
)
from tfprompt.models.retriever_config import describe
from tfprompt.models.tensors import kept_tensors

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


class PromptBank:
    """M named prompts as one tensor beside a retriever, which they share everything else with.

    A prompt is added, replaced or removed while the process answers: no graph is traced again, and
    the frozen network is not touched. The model's own prompt is called "default" and follows its
    training.

    Args:
        model: a retriever with soft prompts.

    Raises:
        ConfigError: the template has no soft prompt.

    Example:
        model.prompts.add("de-books", "prompts/de-books")
        tp.recommend(model, wish="etwas Lustiges", prompt="de-books")
    """

    def __init__(self, model: Retriever) -> None:
        if not model.encoder.template.prompt_length:
            raise ConfigError(
                "A bank holds soft prompts, so the template must have one. Received: "
                f"{model.encoder.template.source!r}."
            )
        self._model = model
        soft, deep = _own(model)
        self._held = _Held((), soft[:0], deep[:0])
        self._lock = threading.Lock()  # of those that change what is held; readers take it whole
        self._graph = tf.function(self._queries, reduce_retracing=True)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, "default" first."""
        return (DEFAULT, *self._held.names)

    def __len__(self) -> int:
        return 1 + len(self._held.names)

    def add(self, name: str, directory: str | os.PathLike[str]) -> None:
        """Reads a prompt that `save_prompts` wrote, under a new name or in place of an older one.

        Args:
            name: of the prompt, not "default".
            directory: its model has the same of everything but the vectors of its prompts: train it
                from the same weights inside `model.training_only("soft")`.

        Raises:
            ConfigError: the name is "default" or empty.
            CheckpointError: the files cannot be read, or hold another model.
        """
        _check_name(name)
        shared = shared_digests(kept_tensors(self._model))
        frame = frame_of(describe(self._model))
        tensors = read_prompt(name, directory, shared, frame)
        soft = soft_of(tensors, self._model.encoder.width)
        self._put(name, soft, deep_of(tensors, soft.shape))

    def keep(self, name: str) -> None:
        """Keeps the model's own prompt, as it is now, under a name; "default" goes on from there.

        What is trained afterwards must leave everything but the prompt as it is.

        Args:
            name: of the prompt, not "default"; an older one of that name is replaced.

        Raises:
            ConfigError: the name is "default" or empty.

        Example:
            model.fit(split_of_may.train)
            model.prompts.keep("may")
        """
        _check_name(name)
        soft, deep = _own(self._model)
        self._put(name, soft[0], deep[0])

    def save(
        self,
        name: str,
        directory: str | os.PathLike[str],
        *,
        metrics: dict[str, float] | None = None,
        data: dict[str, Any] | None = None,
    ) -> Path:
        """Writes the model with a named prompt in place of its own, as `save_prompts` does.

        Such a directory is what `add`, `tp.load` and `export(prompts=...)` take.

        Args:
            name: of the prompt.
            directory: replaced as a whole, atomically.
            metrics: figures to keep in the description.
            data: where the data came from, to keep in the description.

        Returns:
            The directory.

        Raises:
            ConfigError: there is none of that name.

        Example:
            for name in model.prompts.names[1:]:
                model.prompts.save(name, f"prompts/{name}")
        """
        held, tensors = self._held, kept_tensors(self._model)
        place = held.places([name])[0] - 1
        instead = {}
        if name != DEFAULT:
            instead = as_tensors(tensors, held.soft[place], held.deep[place])
        return prompt_files.save(
            self._model, directory, metrics=metrics, data=data, instead=instead
        )

    def _put(self, name: str, soft: np.ndarray, deep: np.ndarray) -> None:
        with self._lock:
            names, *tables = self._held
            place = names.index(name) if name in names else len(names)
            self._held = _Held(
                (*names[:place], name, *names[place + 1 :]),
                *(
                    np.concatenate([rows[:place], value[None], rows[place + 1 :]])
                    for rows, value in zip(tables, (soft, deep), strict=True)
                ),
            )

    def remove(self, name: str) -> None:
        """Forgets a prompt.

        Raises:
            ConfigError: there is none of that name.
        """
        with self._lock:
            held = self._held
            place = held.places([name])[0] - 1
            if name == DEFAULT:
                raise ConfigError(f"The model's own prompt stays. Received: {name!r}.")
            left = (np.delete(rows, place, axis=0) for rows in (held.soft, held.deep))
            self._held = _Held((*held.names[:place], *held.names[place + 1 :]), *left)

    def rows(self, names: Sequence[str]) -> dict[str, Any]:
        """The prompts of some rows, as inputs of the model.

        Args:
            names: B names.

        Returns:
            `prompts` `[B, P, D]` and, where there are deep ones, `deep_prompts` `[B, L, P, D]`.

        Raises:
            ConfigError: an unknown name.
        """
        held = self._held
        places, encoder = np.array(held.places(names)), self._model.encoder
        own = tf.concat([layer.vectors() for layer in encoder.soft_prompts], axis=-2)
        found = {"prompts": _taken(own, held.soft, places)}
        if encoder.deep_prompts:
            own = tf.stack([layer.vectors() for layer in encoder.deep_prompts], axis=-3)
            found["deep_prompts"] = _taken(own, held.deep, places)
        return found

    def queries(self, inputs: Mapping[str, Any], names: Sequence[str]) -> Any:
        """Queries `[B, W]` of a batch whose rows each name a prompt.

        Args:
            inputs: as for the model.
            names: B names.
        """
        given = {name: tf.convert_to_tensor(v) for name, v in inputs.items() if v is not None}
        return self._graph({**given, **self.rows(names)})

    def mean_queries(self, inputs: Mapping[str, Any], names: Sequence[str]) -> Any:
        """Queries `[B, W]` that several prompts answer together, in one forward pass.

        Every candidate's score is then the mean of the prompts' scores (Lester et al., 2021,
        section 5, with the prompts trained one by one).

        Args:
            inputs: as for the model, B rows.
            names: the prompts, which answer every row.
        """
        given = {name: np.asarray(v) for name, v in inputs.items() if v is not None}
        batch = len(given["states"])
        repeated = {name: np.repeat(value, len(names), axis=0) for name, value in given.items()}
        found = self.queries(repeated, [*names] * batch)
        return tf.reduce_mean(tf.reshape(found, (batch, len(names), -1)), axis=1)

    def _queries(self, inputs: dict[str, Any]) -> Any:
        return self._model(inputs, training=False)


class _Held(NamedTuple):
    """What a bank holds beside the model's own prompt; never changed, only replaced."""

    names: tuple[str, ...]
    soft: np.ndarray  # [M, P, D]
    deep: np.ndarray  # [M, L, P, D]

    def places(self, names: Sequence[str]) -> list[int]:
        """Where the prompts stand, the model's own at 0."""
        known = {name: place for place, name in enumerate((DEFAULT, *self.names))}
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"The bank holds {', '.join(known)}. Received: {name!r}. Add it first."
                )
        return [known[name] for name in names]


def _taken(own: Any, table: np.ndarray, places: np.ndarray) -> Any:
    """Rows `[B, ...]` of a table `[M, ...]` from place 1 on, the model's own at place 0.

    It takes as long as the batch is, however many prompts the table holds.
    """
    rows = np.repeat(np.asarray(own)[None], len(places), axis=0)
    named = places > 0
    rows[named] = table[places[named] - 1]
    return tf.constant(rows)


def _check_name(name: str) -> None:
    if not name.strip() or name == DEFAULT:
        raise ConfigError(f"A prompt has a name other than {DEFAULT!r}. Received: {name!r}.")


def _own(model: Retriever) -> tuple[np.ndarray, np.ndarray]:
    """The model's prompts as a bank of one: `[1, P, D]` and `[1, L, P, D]`."""
    tensors = kept_tensors(model)
    soft = soft_of(tensors, model.encoder.width)
    return soft[None], deep_of(tensors, soft.shape)[None].astype(np.float32)
