"""What a trained model must beat; each is a `Scorer`."""

from tfprompt.evaluation.baselines.content import ContentSimilarity
from tfprompt.evaluation.baselines.item_knn import ItemKNN
from tfprompt.evaluation.baselines.popularity import Popularity
from tfprompt.evaluation.baselines.tuning import tuned_item_knn

__all__ = ["ContentSimilarity", "ItemKNN", "Popularity", "tuned_item_knn"]
