"""Trained tensors are held near to what earlier stages made of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tfprompt.continual.course import Course
from tfprompt.continual.fisher import fisher
from tfprompt.continual.method import Method
from tfprompt.continual.pull import Pull
from tfprompt.errors import ConfigError
from tfprompt.models.parts import PARTS, variables_of

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.continual.stream import Stream
    from tfprompt.models.retriever import Retriever


class Regularised(Method):
    """Pulls what is trained to its values after the stage before.

    With `importance="fisher"` (elastic weight consolidation) each number is held by what the loss
    of the stages so far hangs on it, the sum of their Fisher informations; with "equal" all are
    held alike.

    Args:
        course: how each stage is trained.
        weight: of the pull beside the loss; choose it on validation. A Fisher information of an
            event is small, so its weights are larger, from 100 on.
        importance: "fisher" or "equal".
        windows: windows of a stage that its Fisher information is measured on.
        later: what is trained from the second stage on.

    Raises:
        ConfigError: a negative weight, or another importance.

    References:
        Kirkpatrick et al., 2017 (EWC); Schwarz et al., 2018, "Progress & Compress" (one anchor and
        a sum of informations for all stages).
    """

    def __init__(
        self,
        course: Course | None = None,
        *,
        weight: float = 1000.0,
        importance: Literal["fisher", "equal"] = "fisher",
        windows: int = 200,
        later: Collection[str] = PARTS,
    ) -> None:
        super().__init__(course, later=later)
        if weight < 0 or importance not in ("fisher", "equal"):
            raise ConfigError(
                "A pull has a weight of 0 or more and the importance 'fisher' or 'equal'. "
                f"Received: weight={weight}, importance={importance!r}."
            )
        self.weight = weight
        self.importance = importance
        self.windows = windows
        self.name = "ewc" if importance == "fisher" else "l2"

    def settings(self) -> dict[str, Any]:
        """All that a run depends on, as JSON."""
        own = {"weight": self.weight, "importance": self.importance, "windows": self.windows}
        return {**super().settings(), **own}

    def start(self, model: Retriever, stream: Stream, seed: int) -> None:
        """Lets everything go."""
        super().start(model, stream, seed)
        self.importances: dict[str, np.ndarray] = {}

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains the stage under the pull, and then measures what hangs on it."""
        held = variables_of(model, self.later) if number else {}
        for name, variable in held.items():
            anchor = np.array(variable.value)
            variable.regularizer = Pull(anchor, self.importances[name], self.weight)
        try:
            super().fit_stage(model, stage, number)
        finally:
            for variable in held.values():
                variable.regularizer = None
        self._measure(model, stage, number)
        return True

    def _measure(self, model: Retriever, stage: Stage, number: int) -> None:
        variables = variables_of(model, self.later)
        if self.importance == "equal":
            self.importances = {n: np.ones(v.shape, np.float32) for n, v in variables.items()}
            return
        found = fisher(
            model, stage.train, variables, windows=self.windows, seed=1000 * self.seed + number
        )
        self.importances = {
            name: value + self.importances.get(name, np.zeros_like(value))
            for name, value in found.items()
        }

    def state(self) -> dict[str, np.ndarray]:
        """The importance of each number; the anchors are the model's own values."""
        return {name: np.asarray(value) for name, value in self.importances.items()}

    def restore(self, model: Retriever, state: dict[str, np.ndarray]) -> None:
        """Takes the importances back."""
        self.importances = dict(state)
