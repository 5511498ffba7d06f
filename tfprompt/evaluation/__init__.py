"""Honest evaluation: every item ranked, ties never hits, baselines and intervals beside a number.

The Keras metrics (`HRAtK`, `RecallAtK`, `NDCGAtK`, `MRR`, `ranks_from_scores`) are resolved on
first use; everything else needs neither Keras nor TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt._lazy import lazy
from tfprompt.evaluation.baselines import (
    ContentSimilarity,
    ItemKNN,
    Popularity,
    RatingBias,
    RatingItemKNN,
    known_at,
    tuned_item_knn,
    tuned_rating_bias,
    tuned_rating_item_knn,
)
from tfprompt.evaluation.comparison import Comparison, compare
from tfprompt.evaluation.diversity import Diversity, list_diversity
from tfprompt.evaluation.judged_comparison import compare_judgements
from tfprompt.evaluation.judgement import Judgement
from tfprompt.evaluation.judging import judge
from tfprompt.evaluation.predictor import Predictor
from tfprompt.evaluation.protocol import evaluate
from tfprompt.evaluation.ranking import target_ranks
from tfprompt.evaluation.report import Report
from tfprompt.evaluation.scorer import Scorer
from tfprompt.evaluation.seeds import summarise_seeds

if TYPE_CHECKING:
    from tfprompt.evaluation.keras_metrics import MRR, HRAtK, NDCGAtK, RecallAtK, ranks_from_scores

__all__ = [
    "MRR",
    "Comparison",
    "ContentSimilarity",
    "Diversity",
    "HRAtK",
    "ItemKNN",
    "Judgement",
    "NDCGAtK",
    "Popularity",
    "Predictor",
    "RatingBias",
    "RatingItemKNN",
    "RecallAtK",
    "Report",
    "Scorer",
    "compare",
    "compare_judgements",
    "evaluate",
    "judge",
    "known_at",
    "list_diversity",
    "ranks_from_scores",
    "summarise_seeds",
    "target_ranks",
    "tuned_item_knn",
    "tuned_rating_bias",
    "tuned_rating_item_knn",
]

_KERAS = ("HRAtK", "MRR", "NDCGAtK", "RecallAtK", "ranks_from_scores")
__getattr__ = lazy(__name__, dict.fromkeys(_KERAS, "keras_metrics"))


def __dir__() -> list[str]:
    return __all__
