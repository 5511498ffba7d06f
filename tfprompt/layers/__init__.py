"""Keras layers, one class a file; they run on any Keras backend."""

from tfprompt.layers import tuning
from tfprompt.layers.attention_rules import attention_mask
from tfprompt.layers.candidate_tokens import CandidateTokens
from tfprompt.layers.deep_prompt import DeepPrompt
from tfprompt.layers.feature_token import FeatureToken
from tfprompt.layers.history_code import HistoryCode
from tfprompt.layers.history_content import history_content
from tfprompt.layers.history_ratings import HistoryRatings
from tfprompt.layers.interaction import Interaction
from tfprompt.layers.item_tokens import ItemTokens
from tfprompt.layers.item_tower import ItemTower
from tfprompt.layers.low_rank_ids import LowRankIds
from tfprompt.layers.personal_prompt import PersonalPrompt
from tfprompt.layers.prompt_pool import PromptPool
from tfprompt.layers.rated_neighbours import RatedNeighbours
from tfprompt.layers.rating_bias import RatingBias
from tfprompt.layers.rerank import Rerank
from tfprompt.layers.score_head import ScoreHead
from tfprompt.layers.soft_prompt import SoftPrompt
from tfprompt.layers.taken_together import TakenTogether
from tfprompt.layers.task_prompt import TaskPrompt
from tfprompt.layers.value_code import ValueCode
from tfprompt.layers.whitening import Whitening, unit_length

__all__ = [
    "CandidateTokens",
    "DeepPrompt",
    "FeatureToken",
    "HistoryCode",
    "HistoryRatings",
    "Interaction",
    "ItemTokens",
    "ItemTower",
    "LowRankIds",
    "PersonalPrompt",
    "PromptPool",
    "RatedNeighbours",
    "RatingBias",
    "Rerank",
    "ScoreHead",
    "SoftPrompt",
    "TakenTogether",
    "TaskPrompt",
    "ValueCode",
    "Whitening",
    "attention_mask",
    "history_content",
    "tuning",
    "unit_length",
]
