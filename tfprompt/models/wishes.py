"""A wish beside a trained score: both sides get the item text as further columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

# What a denied thing's text takes off, as a share of what a wanted one's adds. Measured by
# benchmarks/negations.py on MovieLens-100K: of the top ten for "GENRE but no GENRE" 54 % carry the
# denied genre where the whole wish is embedded, 23 % at share 0, 16 % at 0.5, 11 % at 1 and 9 % at
# 1.5; the wanted genre falls from 51 % to 48 % at 1 and to 46 % at 1.5.
UNWANTED_SHARE = 1.0

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


def wish_queries(model: Retriever, queries: Any, wishes: Any, unwanted: Any = None) -> Any:
    """Queries that a wish's own text has a say in, for `wish_candidates`.

    Args:
        model: gives the weights.
        queries: `[B, W]`, as the model gives them.
        wishes: text vectors in the table's space `[B, V]`, zeros for no wish.
        unwanted: text vectors of what is denied `[B, V]`, zeros for nothing; None for nothing at
            all. They count in the text similarity alone: a history cannot hold what somebody did
            not want.

    Returns:
        `[B, D+V]`.
    """
    width = model.encoder.width
    if unwanted is not None:
        wishes = wishes - UNWANTED_SHARE * unwanted
    wishes = model.wish_weight * wishes
    if model.content_weight:
        wishes = wishes + queries[:, width:]
    return ops.concatenate([queries[:, :width], wishes], axis=-1)


def wish_candidates(model: Retriever) -> Any:
    """All items `[N, D+V]`: their trained part and their text."""
    candidates = model.candidates()
    if model.content_weight:
        return candidates
    return ops.concatenate([candidates, model.item_table.all_items()[0]], axis=-1)
