"""Named prompts of one model in a running process; each row of a batch takes its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.errors import ConfigError
from tfprompt.models.named_prompts import DEFAULT, deep_of, read_prompt, shared_digests, soft_of
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
        self._names: list[str] = []
        soft, deep = _own(model)
        self._soft = tf.Variable(soft[:0], trainable=False, shape=[None, *soft.shape[1:]])
        self._deep = tf.Variable(deep[:0], trainable=False, shape=[None, *deep.shape[1:]])
        self._graph = tf.function(self._queries, reduce_retracing=True)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, "default" first."""
        return (DEFAULT, *self._names)

    def __len__(self) -> int:
        return 1 + len(self._names)

    def add(self, name: str, directory: str | os.PathLike[str]) -> None:
        """Reads a prompt that `save_prompts` wrote, under a new name or in place of an older one.

        Args:
            name: of the prompt, not "default".
            directory: its model has the same of everything but the vectors of its prompts: train it
                from the same weights inside `tp.training.only(model, "soft")`.

        Raises:
            ConfigError: the name is "default" or empty.
            CheckpointError: the files cannot be read, or hold another model.
        """
        _check_name(name)
        shared = shared_digests(kept_tensors(self._model))
        tensors = read_prompt(name, directory, shared)
        soft = soft_of(tensors, self._model.encoder.width)
        deep = deep_of(tensors, soft.shape)
        if soft.shape != tuple(self._soft.shape[1:]) or deep.shape != tuple(self._deep.shape[1:]):
            raise ConfigError(
                f"Prompts of one bank are {tuple(self._soft.shape[1:])} in size. Received: "
                f"{soft.shape} in {directory}, for {name!r}."
            )
        self._put(name, soft, deep)

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

    def _put(self, name: str, soft: np.ndarray, deep: np.ndarray) -> None:
        place = self._names.index(name) if name in self._names else len(self._names)
        for table, value in ((self._soft, soft), (self._deep, deep)):
            rows = table.numpy()
            table.assign(np.concatenate([rows[:place], value[None], rows[place + 1 :]]))
        self._names[place : place + 1] = [name]

    def remove(self, name: str) -> None:
        """Forgets a prompt.

        Raises:
            ConfigError: there is none of that name.
        """
        place = self._place(name)
        if name == DEFAULT:
            raise ConfigError(f"The model's own prompt stays. Received: {name!r}.")
        for table in (self._soft, self._deep):
            table.assign(np.delete(table.numpy(), place - 1, axis=0))
        self._names.remove(name)

    def rows(self, names: Sequence[str]) -> dict[str, Any]:
        """The prompts of some rows, as inputs of the model.

        Args:
            names: B names.

        Returns:
            `prompts` `[B, P, D]` and, where there are deep ones, `deep_prompts` `[B, L, P, D]`.

        Raises:
            ConfigError: an unknown name.
        """
        return self._take(tf.constant([self._place(name) for name in names]))

    def queries(self, inputs: Mapping[str, Any], names: Sequence[str]) -> Any:
        """Queries `[B, W]` of a batch whose rows each name a prompt.

        Args:
            inputs: as for the model.
            names: B names.
        """
        places = tf.constant([self._place(name) for name in names], tf.int32)
        given = {name: tf.convert_to_tensor(v) for name, v in inputs.items() if v is not None}
        return self._graph(given, places)

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

    def _place(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigError(
                f"The bank holds {', '.join(self.names)}. Received: {name!r}. Add it first."
            ) from None

    def _queries(self, inputs: dict[str, Any], places: Any) -> Any:
        return self._model({**inputs, **self._take(places)}, training=False)

    def _take(self, places: Any) -> dict[str, Any]:
        encoder = self._model.encoder
        own = tf.concat([layer.vectors() for layer in encoder.soft_prompts], axis=-2)
        soft = tf.concat([own[None], self._soft], axis=0)
        found = {"prompts": tf.gather(soft, places)}
        if encoder.deep_prompts:
            own = tf.stack([layer.vectors() for layer in encoder.deep_prompts], axis=-3)
            found["deep_prompts"] = tf.gather(tf.concat([own[None], self._deep], axis=0), places)
        return found


def _check_name(name: str) -> None:
    if not name.strip() or name == DEFAULT:
        raise ConfigError(f"A prompt has a name other than {DEFAULT!r}. Received: {name!r}.")


def _own(model: Retriever) -> tuple[np.ndarray, np.ndarray]:
    """The model's prompts as a bank of one: `[1, P, D]` and `[1, L, P, D]`."""
    tensors = kept_tensors(model)
    soft = soft_of(tensors, model.encoder.width)
    return soft[None], deep_of(tensors, soft.shape)[None].astype(np.float32)
