"""The last layer, computed only where its output is read.

Prompts and words of the last layer serve as keys and values alone: nobody reads their output. So
queries, feed-forward and norms run on the positions that are read, which is most of a step's
arithmetic where histories are short (20 prompt and word tokens beside 8 items: 2.4 times less).
"""

from __future__ import annotations

from typing import Any

import keras
import keras_hub


def can_skip(layer: keras.layers.Layer) -> bool:
    """True for the layer of BERT, RoBERTa, XLM-R, DistilBERT and ELECTRA."""
    return isinstance(layer, keras_hub.layers.TransformerEncoder)


def apply_where_read(
    layer: keras.layers.Layer, states: Any, read: Any, attention_mask: Any, training: bool
) -> Any:
    """`TransformerEncoder.call` with fewer queries than keys; equal to it at those positions.

    Args:
        layer: a layer for which `can_skip` is true.
        states: all states `[B, S, D]`, the keys and values.
        read: the states of the positions that are read `[B, Q, D]`.
        attention_mask: bool `[B, Q, S]`.
        training: runs the layer's dropout.

    Returns:
        `[B, Q, D]`.
    """
    before = layer._self_attention_layer_norm if layer.normalize_first else _same
    after = _same if layer.normalize_first else layer._self_attention_layer_norm
    x = layer._self_attention_layer(
        query=before(read), value=before(states), attention_mask=attention_mask, training=training
    )
    x = after(read + layer._self_attention_dropout(x, training=training))
    before = layer._feedforward_layer_norm if layer.normalize_first else _same
    after = _same if layer.normalize_first else layer._feedforward_layer_norm
    y = layer._feedforward_output_dense(layer._feedforward_intermediate_dense(before(x)))
    return after(x + layer._feedforward_dropout(y, training=training))


def _same(x: Any) -> Any:
    return x
