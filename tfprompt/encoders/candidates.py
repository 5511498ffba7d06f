"""Items to judge: each runs through the upper layers beside one shared request.

The request never looks at a candidate, and a candidate looks at the request and at itself. So the
request's states are computed once for all its candidates, and a score does not depend on which
others are judged beside it. Q candidates of T tokens cost Q·T·(S + T) attention scores where one
sequence of all would cost (S + Q·T)².
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras import ops

from tfprompt.encoders.last_layer import can_skip
from tfprompt.encoders.layout import mask_token
from tfprompt.encoders.seam import set_dropout
from tfprompt.errors import BackboneError, ConfigError
from tfprompt.layers import CandidateTokens, attention_mask
from tfprompt.layers.attention_rules import STATIC

if TYPE_CHECKING:
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.encoders.token_plan import TokenPlan


def candidate_layer(encoder: PromptedEncoder, dropout: float) -> CandidateTokens | None:
    """The layer of the item to judge, None where the template has none.

    Raises:
        BackboneError: the backbone's layers cannot be split into request and candidates.
        ConfigError: past items would see later ones.
    """
    candidate = encoder.template.candidate
    if candidate is None:
        return None
    if not all(can_skip(layer) for layer in encoder.seam.upper_layers):
        raise BackboneError(
            "Items are judged beside one shared request, which needs an encoder backbone (BERT, "
            f"RoBERTa, XLM-RoBERTa, DistilBERT, ELECTRA). Received: {encoder.loaded.name} with "
            f"{{item:{candidate.form}}}."
        )
    if encoder.attention != "causal":
        raise ConfigError(
            "A template with an item to judge needs attention='causal': else past items would "
            f"show what came later. Received: attention={encoder.attention!r}."
        )
    token = candidate.form == "token"
    return CandidateTokens(
        encoder.width, token, dropout if token else 0.0, encoder.seed, name="candidate_tokens"
    )


def judge(
    encoder: PromptedEncoder, plan: TokenPlan, inputs: Mapping[str, Any], training: bool | None
) -> Any:
    """What is read of each candidate `[B, Q, D]`.

    Args:
        encoder: gives layers, prompts and the read-out.
        plan: the request.
        inputs: as for `PromptedEncoder.call`.
        training: runs dropout.
    """
    layer: Any = encoder.candidate_tokens
    tokens = layer(inputs["candidates"], training=training)  # [B, Q, T, D]
    valid = ops.cast(inputs["candidates_mask"], "bool")
    if encoder.read_out == "mask":
        mask = ops.expand_dims(ops.expand_dims(mask_token(encoder, inputs), 1), 1)
        shape = (*ops.shape(tokens)[:2], 1)
        mask = ops.broadcast_to(mask, (*shape, encoder.width))
        tokens = ops.concatenate([tokens, mask], axis=2)
        valid = ops.concatenate([valid, ops.ones(shape, "bool")], axis=2)
    states, request_mask, sees = plan.embeddings, _request_mask(plan), _sees(plan, inputs)
    dropped = bool(training and encoder.upper_dropout)
    if dropped:
        set_dropout(encoder.seam.upper_layers, encoder.upper_dropout)
    layers, deep = encoder.seam.upper_layers, inputs.get("deep_prompts")
    for number, layer in enumerate(layers):
        if number and encoder.deep_prompts:
            own = None if deep is None else deep[:, number - 1]
            states = encoder.deep_prompts[number - 1](states, own)
        last = number == len(layers) - 1
        with encoder.tuning.layer(number):
            tokens = apply_to_candidates(layer, states, tokens, sees, valid, dropped)
            if not last:  # Nobody looks at the request's last states.
                states = encoder.seam.apply_upper_layer(
                    layer, states, request_mask, training=dropped
                )
        tokens = encoder.tuning.after(number, tokens)
        states = states if last else encoder.tuning.after(number, states)
    tokens = encoder.final(tokens)
    if encoder.read_out == "mask":
        return tokens[:, :, -1]
    weights = ops.expand_dims(ops.cast(valid, tokens.dtype), -1)
    return ops.sum(tokens * weights, axis=2) / ops.maximum(ops.sum(weights, axis=2), 1)


def apply_to_candidates(
    layer: Any, states: Any, tokens: Any, sees: Any, valid: Any, training: bool
) -> Any:
    """A `TransformerEncoder` layer on candidates that look at a request and at themselves.

    Equal to the layer on each candidate's tokens behind the request's, at the candidate's places.

    Args:
        layer: a layer for which `can_skip` is true.
        states: the request's states `[B, S, D]`, the layer's input.
        tokens: the candidates' `[B, Q, T, D]`.
        sees: bool `[B, Q, S]`, what each candidate may see of the request.
        valid: bool `[B, Q, T]`, False for padding.
        training: runs the layer's dropout.

    Returns:
        `[B, Q, T, D]`.
    """
    attention = layer._self_attention_layer
    batch, count, length, width = ops.shape(tokens)
    flat = ops.reshape(tokens, (batch, count * length, width))
    before = layer._self_attention_layer_norm if layer.normalize_first else _same
    after = _same if layer.normalize_first else layer._self_attention_layer_norm
    request, own = before(states), before(flat)
    heads, size = attention._num_heads, attention._key_dim
    split = (batch, count, length, heads, size)
    query = ops.reshape(attention._query_dense(own) * size**-0.5, split)
    key, value = attention._key_dense(request), attention._value_dense(request)  # [B, S, h, d]
    own_key = ops.reshape(attention._key_dense(own), split)
    own_value = ops.reshape(attention._value_dense(own), split)

    low = ops.cast(-1e9, query.dtype)
    # Heads before candidates, as the product has them: else the largest arrays are transposed.
    to_request = ops.einsum("bqthd,bshd->bhqts", query, key)
    to_request = ops.where(sees[:, None, :, None], to_request, low)
    to_own = ops.einsum("bqthd,bquhd->bhqtu", query, own_key)
    to_own = ops.where(valid[:, None, :, None], to_own, low)
    weights = ops.softmax(ops.concatenate([to_request, to_own], axis=-1))
    weights = attention._dropout_layer(weights, training=training)
    seen = ops.shape(states)[1]
    mixed = ops.einsum("bhqts,bshd->bqthd", weights[..., :seen], value)
    mixed = mixed + ops.einsum("bhqtu,bquhd->bqthd", weights[..., seen:], own_value)
    x = attention._output_dense(ops.reshape(mixed, (batch, count * length, heads, size)))

    x = after(flat + layer._self_attention_dropout(x, training=training))
    before = layer._feedforward_layer_norm if layer.normalize_first else _same
    after = _same if layer.normalize_first else layer._feedforward_layer_norm
    y = layer._feedforward_output_dense(layer._feedforward_intermediate_dense(before(x)))
    x = after(x + layer._feedforward_dropout(y, training=training))
    return ops.reshape(x, (batch, count, length, width))


def _request_mask(plan: TokenPlan) -> Any:
    return attention_mask(plan.valid, plan.role, plan.moment, causal=True)


def _sees(plan: TokenPlan, inputs: Mapping[str, Any]) -> Any:
    """Bool `[B, Q, S]`: all static tokens, and the items up to the candidate's moment."""
    moments = ops.expand_dims(ops.cast(inputs["moments"], "int32"), 2)
    known = ops.logical_or(
        ops.expand_dims(plan.role == STATIC, 1), ops.expand_dims(plan.moment, 1) <= moments
    )
    return ops.logical_and(ops.expand_dims(plan.valid, 1), known)


def _same(x: Any) -> Any:
    return x
