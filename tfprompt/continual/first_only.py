"""The lower bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt.continual.method import Method

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.models.retriever import Retriever


class FirstOnly(Method):
    """Learns the first stage and nothing after it: forgets nothing, gains nothing."""

    name = "first-only"

    def fit_stage(self, model: Retriever, stage: Stage, number: int) -> bool:
        """Trains on the first stage."""
        return number == 0 and super().fit_stage(model, stage, number)
