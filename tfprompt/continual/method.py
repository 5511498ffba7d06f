"""What all methods of continual learning have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.continual._joined import known_so_far
from tfprompt.continual.course import Course
from tfprompt.data.batches import number_of_batches
from tfprompt.layers import PromptPool
from tfprompt.models.parts import PARTS, check_parts, only
from tfprompt.models.training_state import draws, networks

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.continual.stream import Stream
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.retriever import Retriever


class Method:
    """A way to train one model on a stream, stage by stage.

    The first stage trains all that the model trains; later ones train `later` alone. A method is
    started anew for each run, so one object serves several seeds.

    Args:
        course: how each stage is trained.
        later: what is trained from the second stage on, of "prompts", "items", "temperature" and
            "network", see `tfprompt.models.parts.part_of`.

    A subclass changes `training_part`, wraps `fit_stage`, or answers each stage in its own way
    (`answer_as`). What it must remember goes through `state` and `restore`.
    """

    name = "method"

    def __init__(self, course: Course | None = None, *, later: Collection[str] = PARTS) -> None:
        self.course = course or Course()
        self.later = check_parts(later)

    def settings(self) -> dict[str, Any]:
        """All that a run depends on, as JSON."""
        return {
            "method": type(self).__name__,
            "later": list(self.later),
            **dataclasses.asdict(self.course),
        }

    def start(self, model: Retriever, stream: Stream, seed: int) -> None:
        """Forgets earlier runs.

        Args:
            model: untrained.
            stream: what will come. Only an upper bound may look ahead.
            seed: of everything that is drawn.
        """
        self.stream = stream
        self.seed = seed

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains the model on one stage.

        Args:
            model: as the stage before left it.
            stage: its training part is read, nothing else.
            number: of the stage, from 0.

        Returns:
            Whether anything was trained.
        """
        self._train(model, self.training_part(model, stage, number), number)
        return True

    def training_part(self, model: Retriever, stage: Stage, number: int) -> Sequences:
        """What a stage trains on."""
        return stage.train

    def known(self, number: int) -> int:
        """The last stage whose events the model has seen once stage `number` is trained."""
        return number

    def answer_as(self, model: Retriever, number: int) -> None:
        """Prepares the model for requests of stage `number`, which may not have come yet."""

    def state(self) -> dict[str, np.ndarray]:
        """What the method remembers beside the model, to go on after an interruption."""
        return {}

    def restore(self, model: Retriever, state: dict[str, np.ndarray]) -> None:
        """Takes back what `state` gave."""

    def _train(self, model: Retriever, sequences: Sequences, number: int) -> None:
        course = self.course
        _start_afresh(model, self.seed, number)
        window = model.encoder.max_history
        steps = number_of_batches(sequences, window=window, batch_size=course.batch_size)
        with only(model, *(self.later if number else PARTS)):
            # Compiled anew: what is trained has changed, and with it the graph of a step.
            optimizer = course.optimizer(number, steps * course.epochs)
            # Decay would wear down the prompts that no request of this stage chooses.
            optimizer.exclude_from_weight_decay(var_list=_pooled(model))
            model.compile(optimizer)
            model.fit(
                known_so_far(sequences, self.stream.counts(self.known(number))),
                epochs=course.epochs,
                batch_size=course.batch_size,
                seed=1000 * self.seed + number,
                verbose=0,
            )
        _fold(model)


def _pooled(model: Retriever) -> list[Any]:
    """Prompts and keys of all pools."""
    pools = [p for p in model.encoder.made_prompts.values() if isinstance(p, PromptPool)]
    return [variable for pool in pools for variable in (pool.prompts, pool.keys)]


def _fold(model: Retriever) -> None:
    """Networks go into their prompts, as a checkpoint keeps them: what follows is measured so."""
    for layer in networks(model):
        layer.assign(layer.vectors())


def _start_afresh(model: Retriever, seed: int, number: int) -> None:
    """Sets all that is random by seed and stage alone: a resumed run draws what others draw."""
    _fold(model)
    for variable in model.encoder.tuning.course:  # what pruning has measured in earlier stages
        variable.assign(np.zeros(variable.shape, np.asarray(variable).dtype))
    for place, variable in enumerate(draws(model)):
        drawn = np.random.default_rng([seed, number, place]).integers(0, 2**31, variable.shape)
        variable.assign(drawn.astype(np.asarray(variable).dtype))
