"""Keras layers, one class a file; they run on any Keras backend."""

from tfprompt.layers.attention_rules import attention_mask
from tfprompt.layers.deep_prompt import DeepPrompt
from tfprompt.layers.feature_token import FeatureToken
from tfprompt.layers.history_content import history_content
from tfprompt.layers.item_tokens import ItemTokens
from tfprompt.layers.item_tower import ItemTower
from tfprompt.layers.low_rank_ids import LowRankIds
from tfprompt.layers.soft_prompt import SoftPrompt
from tfprompt.layers.whitening import Whitening, unit_length

__all__ = [
    "DeepPrompt",
    "FeatureToken",
    "ItemTokens",
    "ItemTower",
    "LowRankIds",
    "SoftPrompt",
    "Whitening",
    "attention_mask",
    "history_content",
    "unit_length",
]
