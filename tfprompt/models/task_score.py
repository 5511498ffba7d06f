"""One figure for several tasks, to choose an epoch by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfprompt.models.ranker import Ranker

if TYPE_CHECKING:
    from tfprompt.models.fits_parts import FitsParts

# So that a task which has learned nothing yet does not make every epoch look alike.
_LEAST = 1e-3


def task_score(model: FitsParts, figures: Mapping[str, float]) -> float:
    """How good a task is, between a model that answers everybody alike (0) and a perfect one (1).

    NDCG@10 of what retrieves or ranks clicks; of ratings the explained share of the variance,
    1 - (RMSE / deviation of the ratings)²; of likes 2·AUC - 1. At least 0.001.

    Args:
        model: the task's model.
        figures: what its `evaluate` says.
    """
    kind = model.objective.kind if isinstance(model, Ranker) else "click"
    if isinstance(model, Ranker) and kind == "rating":
        score = 1 - (figures["rmse"] / (model.std or 1.0)) ** 2
    elif kind == "like":
        score = 2 * figures["auc"] - 1
    else:
        score = figures["ndcg_at_10"]
    # A diverged model's NaN is no maximum.
    return score if score > _LEAST else _LEAST


def mean_score(scores: Mapping[str, float]) -> float:
    """Geometric mean: one percent more of any task's score counts the same.

    Example:
        >>> round(mean_score({"sequential": 0.1, "rating": 0.4}), 3)
        0.2
    """
    return math.exp(sum(map(math.log, scores.values())) / len(scores))
