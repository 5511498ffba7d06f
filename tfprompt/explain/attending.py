"""What the read-out attends to, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from tfprompt.encoders import read_out
from tfprompt.encoders.last_layer import can_skip
from tfprompt.encoders.upper import upper_states
from tfprompt.errors import BackboneError
from tfprompt.explain.attention_weights import Attention
from tfprompt.explain.columns import Column
from tfprompt.explain.explained import LaidOut, check_retriever, laid_out

if TYPE_CHECKING:
    from tfprompt.data.request import Request
    from tfprompt.models.retriever import Retriever


def attention(model: Retriever, request: Request) -> Attention:
    """How much the position that is read out attends to each token, in each upper layer.

    Where several positions are read (`read_out="mean"`) their attention is averaged as their
    states are. These are weights of single layers: above the first one a position holds what it
    gathered below, so little attention is no proof of little influence; `attribute` measures that.

    Args:
        model: a retriever on an encoder backbone.
        request: who asks.

    Returns:
        Weights `[L, heads, S]`, which sum to 1 over the tokens; the pieces of a word are one.

    Raises:
        ConfigError: another model, or a request that it cannot take.
        BackboneError: a decoder backbone, whose layers do not show their attention.

    Example:
        names, shares = tp.explain.attention(model, request).by_segment()
        dict(zip(names, shares[-1].mean(axis=0)))     # the last layer, mean of its heads

    Reference:
        Vaswani et al., 2017, equation 1.
    """
    check_retriever(model)
    encoder = model.encoder
    if not all(can_skip(layer) for layer in encoder.seam.upper_layers):
        raise BackboneError(
            "Attention is read from layers of encoder backbones (BERT, RoBERTa, XLM-RoBERTa, "
            f"DistilBERT, ELECTRA). Received: {encoder.loaded.name}. What raised a score is "
            "explained of every backbone: tp.explain.attribute."
        )
    laid = laid_out(model, request)
    found: list[Any] = []
    upper_states(
        encoder,
        laid.plan,
        laid.read,
        training=False,
        deep=laid.deep,
        watch=lambda layer, states, mask: found.append(attention_weights(layer, states, mask)),
    )
    # Of an ensemble the mean of its members: [L, heads, S, S].
    weights = np.stack([np.asarray(each).mean(axis=0) for each in found])
    rows = np.einsum("s,lhsk->lhk", _read(model, laid), weights)
    units: dict[Any, list[Column]] = {}
    for column in laid.columns:
        units.setdefault(column.unit, []).append(column)
    summed = [rows[..., [column.place for column in unit]].sum(-1) for unit in units.values()]
    first = encoder.prompt_layer
    return Attention(
        layers=tuple(range(first, first + len(found))),
        segments=tuple(unit[0].segment for unit in units.values()),
        labels=tuple(unit[0].label for unit in units.values()),
        weights=np.stack(summed, axis=-1).astype(np.float32),
    )


def attention_weights(layer: Any, states: Any, mask: Any) -> Any:
    """The attention of a `TransformerEncoder` layer.

    Args:
        layer: a layer for which `can_skip` is true.
        states: its input `[B, S, D]`.
        mask: bool `[B, S, S]`.

    Returns:
        `[B, heads, S, S]`; a row sums to 1.
    """
    part = layer._self_attention_layer
    x = layer._self_attention_layer_norm(states) if layer.normalize_first else states
    query = part._query_dense(x) * part._key_dim**-0.5  # [B, S, heads, d]
    scores = ops.einsum("bqhd,bkhd->bhqk", query, part._key_dense(x))
    low = ops.cast(-1e9, scores.dtype)
    return ops.softmax(ops.where(ops.expand_dims(mask, 1), scores, low))


def _read(model: Retriever, laid: LaidOut) -> np.ndarray:
    """How much of each column's state is in what is read `[S]`; sums to 1.

    Reading is linear in the states, so that unit vectors in their place show its weights.
    """
    members, length = np.shape(laid.plan.valid)
    units = np.eye(length, dtype=np.float32)[None, length - (laid.read or length) :]
    units = np.repeat(units, members, axis=0)
    read = read_out.read(model.encoder, ops.convert_to_tensor(units), laid.plan, laid.steps, False)
    weights: np.ndarray = np.asarray(read)[0]
    return weights
