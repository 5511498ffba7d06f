"""A prompt for each stage, kept by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.continual.course import Course
from tfprompt.continual.method import Method
from tfprompt.models.parts import SOFT, variables_of

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.continual.stream import Stream
    from tfprompt.models.retriever import Retriever


class PromptPerStage(Method):
    """Trains a new soft prompt for each stage, started from the last one, and keeps the old ones.

    What they share, other kinds of prompts too, is frozen after the first stage, so a stage keeps
    the answers that it had to the last bit. A request says which stage it belongs to, as which
    market; one of a stage that has not come yet is answered by the newest prompt. After a run
    `model.prompts` holds a prompt for each stage, by the stage's name.

    Raises:
        ConfigError: the template has no soft prompt.
    """

    name = "prompt-per-stage"

    def __init__(self, course: Course | None = None) -> None:
        super().__init__(course, later=(SOFT,))

    def start(self, model: Retriever, stream: Stream, seed: int) -> None:
        """Forgets earlier prompts."""
        super().start(model, stream, seed)
        _ = model.prompts  # refuses a template without one
        self._kept: list[dict[str, np.ndarray]] = []

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains a prompt from the last one and keeps it."""
        if number:
            self.answer_as(model, number - 1)
        super().fit_stage(model, stage, number)
        self._kept.append({name: np.array(v.value) for name, v in _prompts(model).items()})
        model.prompts.keep(stage.name)
        return True

    def answer_as(self, model: Retriever, number: int) -> None:
        """Puts the stage's prompt in place."""
        for name, variable in _prompts(model).items():
            if self._kept:
                variable.assign(self._kept[min(number, len(self._kept) - 1)][name])

    def state(self) -> dict[str, np.ndarray]:
        """The prompts of all stages so far."""
        return {
            f"{number}/{name}": value
            for number, kept in enumerate(self._kept)
            for name, value in kept.items()
        }

    def restore(self, model: Retriever, state: dict[str, np.ndarray]) -> None:
        """Takes the prompts back, into the model's bank too."""
        by_stage: dict[int, dict[str, np.ndarray]] = {}
        for key, value in state.items():
            stage, name = key.split("/", 1)
            by_stage.setdefault(int(stage), {})[name] = value
        self._kept = [by_stage[stage] for stage in sorted(by_stage)]
        for number in range(len(self._kept)):
            self.answer_as(model, number)
            model.prompts.keep(self.stream[number].name)


def _prompts(model: Retriever) -> dict[str, Any]:
    return variables_of(model, (SOFT,))
