"""The upper bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt.continual._joined import joined
from tfprompt.continual.method import Method

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.data.sequences import Sequences
    from tfprompt.models.retriever import Retriever


class Joint(Method):
    """Learns all stages at once, before the first one is asked; nobody can do so in practice."""

    name = "joint"

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains once, at the first stage."""
        return number == 0 and super().fit_stage(model, stage, number)

    def training_part(self, model: Retriever, stage: Stage, number: int) -> Sequences:
        """All stages; a user of several has a row for each."""
        return joined([each.train for each in self.stream])

    def known(self, number: int) -> int:
        """All stages have been seen."""
        return len(self.stream) - 1
