"""What a trained model must beat; each is a `Scorer`, those for ratings a `Predictor`."""

from tfprompt.evaluation.baselines.content import ContentSimilarity
from tfprompt.evaluation.baselines.item_knn import ItemKNN
from tfprompt.evaluation.baselines.popularity import Popularity
from tfprompt.evaluation.baselines.rated import known_at
from tfprompt.evaluation.baselines.rating_bias import RatingBias
from tfprompt.evaluation.baselines.rating_knn import RatingItemKNN
from tfprompt.evaluation.baselines.rating_tuning import tuned_rating_bias, tuned_rating_item_knn
from tfprompt.evaluation.baselines.tuning import tuned_item_knn

__all__ = [
    "ContentSimilarity",
    "ItemKNN",
    "Popularity",
    "RatingBias",
    "RatingItemKNN",
    "known_at",
    "tuned_item_knn",
    "tuned_rating_bias",
    "tuned_rating_item_knn",
]
