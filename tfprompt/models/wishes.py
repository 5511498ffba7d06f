"""A wish beside a trained score: both sides get the item text as further columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras import ops

if TYPE_CHECKING:
    from tfprompt.models.retriever import Retriever


def wish_queries(model: Retriever, queries: Any, wishes: Any) -> Any:
    """Queries that a wish's own text has a say in, for `wish_candidates`.

    Args:
        model: gives the weights.
        queries: `[B, W]`, as the model gives them.
        wishes: text vectors in the table's space `[B, V]`, zeros for no wish.

    Returns:
        `[B, D+V]`.
    """
    width = model.encoder.width
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
