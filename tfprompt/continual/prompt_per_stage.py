"""A prompt for each stage, kept by name; with it, if wanted, other parts of the model."""

from __future__ import annotations

from collections.abc import Collection
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
    `model.prompts` holds a prompt for each stage, by the stage's name. It holds prompts alone:
    where `later` has more, `answer_as(model, number)` puts what is a stage's in place, to save or
    export it.

    Args:
        course: how each stage is trained.
        later: what each stage has for itself, of "soft" and the parts that `Method` names. With
            `("soft", "items", "temperature")` a stage learns as much as fine-tuning and forgets
            nothing, at the price of an item projection (some hundred kilobytes) a stage; the
            backbone is still shared.

    Raises:
        ConfigError: the template has no soft prompt.

    Example:
        ```python
        method = tp.continual.PromptPerStage(later=("soft", "items", "temperature"))
        tp.continual.run(make_model, stream, method)  # trains the model of make_model
        method.answer_as(model, 0)
        model.save_prompts("prompts/first-stage")
        ```
    """

    name = "prompt-per-stage"

    def __init__(self, course: Course | None = None, *, later: Collection[str] = (SOFT,)) -> None:
        super().__init__(course, later=later)

    def start(self, model: Retriever, stream: Stream, seed: int) -> None:
        """Forgets earlier prompts."""
        super().start(model, stream, seed)
        _ = model.prompts  # refuses a template without one
        self._kept: list[dict[str, np.ndarray]] = []

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains a prompt, and what goes with it, from the last one and keeps it."""
        if number:
            self.answer_as(model, number - 1)
        super().fit_stage(model, stage, number)
        self._kept.append({name: np.array(v.value) for name, v in self._own(model).items()})
        model.prompts.keep(stage.name)
        return True

    def answer_as(self, model: Retriever, number: int) -> None:
        """Puts the stage's prompt, and what goes with it, in place."""
        for name, variable in self._own(model).items():
            if self._kept:
                variable.assign(self._kept[min(number, len(self._kept) - 1)][name])

    def state(self) -> dict[str, np.ndarray]:
        """What each stage so far has for itself."""
        return {
            f"{number}/{name}": value
            for number, kept in enumerate(self._kept)
            for name, value in kept.items()
        }

    def restore(self, model: Retriever, state: dict[str, np.ndarray]) -> None:
        """Takes it back, the prompts into the model's bank too."""
        by_stage: dict[int, dict[str, np.ndarray]] = {}
        for key, value in state.items():
            stage, name = key.split("/", 1)
            by_stage.setdefault(int(stage), {})[name] = value
        self._kept = [by_stage[stage] for stage in sorted(by_stage)]
        for number in range(len(self._kept)):
            self.answer_as(model, number)
            model.prompts.keep(self.stream[number].name)

    def _own(self, model: Retriever) -> dict[str, Any]:
        return variables_of(model, self.later)
