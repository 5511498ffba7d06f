"""The TFRS room: the only package that imports `tensorflow_recommenders`."""

from tfprompt.tasks.catalog_retrieval import CatalogRetrieval
from tfprompt.tasks.negatives import Negatives, retrieval_task
from tfprompt.tasks.objective import Objective
from tfprompt.tasks.sampled_retrieval import SampledRetrieval

__all__ = ["CatalogRetrieval", "Negatives", "Objective", "SampledRetrieval", "retrieval_task"]
