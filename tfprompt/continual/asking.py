"""What a model answers to the requests of a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.evaluation.protocol import evaluate

if TYPE_CHECKING:
    from tfprompt.continual.stage import Stage
    from tfprompt.data.requests import Requests
    from tfprompt.evaluation.scorer import Scorer


class OfStage:
    """A scorer that never answers with an item from outside the stage.

    Args:
        scorer: a model.
        stage: says which items are candidates.
    """

    def __init__(self, scorer: Scorer, stage: Stage) -> None:
        self.name = scorer.name
        self._scorer = scorer
        self._candidates = stage.candidates

    def scores(self, requests: Requests, rows: np.ndarray) -> np.ndarray:
        """The model's scores `[len(rows), N]`, minus infinity for what is no candidate."""
        scores = np.asarray(self._scorer.scores(requests, rows))
        if self._candidates is None:
            return scores
        return np.where(self._candidates, scores, -np.inf)


def figure_of(scorer: Scorer, stage: Stage, part: str, measure: str) -> float:
    """One measure, at 10, of a stage's requests.

    Args:
        scorer: a model.
        stage: whose requests are asked.
        part: "validation" or "test".
        measure: of `tp.evaluate`.

    Raises:
        ConfigError: no such measure.
    """
    requests: Requests = getattr(stage, part)
    report = evaluate(
        OfStage(scorer, stage), requests, k=10, baselines=False, bootstrap=0, progress=False
    )
    if measure not in report.measures:
        raise ConfigError(
            f"A measure is one of {', '.join(report.measures)}. Received: {measure!r}."
        )
    return float(report.measures[measure])
