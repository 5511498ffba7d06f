"""Requests as the inputs of a signature: what a client sends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.data.request import Request
from tfprompt.models.request_fields import as_text
from tfprompt.prompts.segments import USER, WISH

if TYPE_CHECKING:
    from tfprompt.encoders.tokenizer import TextTokenizer

_TOKENS = "_tokens"
_CLOCK_S = {"hour": 3600, "weekday": 86_400, "month": 31 * 86_400}
UNKNOWN_MOMENT = -1


def signature_inputs(
    specs: Mapping[str, tf.TensorSpec],
    requests: Sequence[Request],
    tokenizer: TextTokenizer | None = None,
    **others: Any,
) -> dict[str, np.ndarray]:
    """A batch of requests as the inputs of a signature.

    Lists start with a padding value: where a server batches requests of different lengths, it
    pads each with its own first element, which must therefore say nothing.

    Args:
        specs: the signature's inputs by name.
        requests: B requests.
        tokenizer: makes the token ids of a signature that takes such.
        **others: inputs that no request holds, as `k` and `candidates`, by name; B values each.

    Returns:
        An array for each of `specs`.

    Example:
        >>> specs = {"history": tf.TensorSpec([None, None], tf.string)}
        >>> signature_inputs(specs, [Request(history=["50", "181"])])["history"].tolist()
        [[b'', b'50', b'181']]
    """
    filled: dict[str, np.ndarray] = {}
    for name, spec in specs.items():
        if name in others:
            values = list(others[name])
        else:
            values = [_value(name, spec, request) for request in requests]
        if name.endswith(_TOKENS) and tokenizer is not None:
            plain = name.removesuffix(_TOKENS)
            texts = others.get(plain) or [_text_of(plain, request) for request in requests]
            filled[name] = tokenizer(list(texts), pad_to_length=True)["token_ids"].numpy()
        elif spec.shape.rank == 1:
            filled[name] = np.array(_encoded(values, spec), _numpy_type(spec))
        else:
            filled[name] = _padded(values, spec)
    return filled


def _value(name: str, spec: tf.TensorSpec, request: Request) -> Any:
    """What a request says of one input."""
    if name == "history":
        return ["", *(request.history or ())]
    if name == "history_ratings":
        given = request.history_ratings or [None] * len(request.history or ())
        return [math.nan, *(math.nan if rating is None else rating for rating in given)]
    if name == "exclude":
        return ["", *request.exclude]
    if name == "timestamp":
        return _moment(request.values)
    if spec.dtype == tf.string:
        return _text_of(name, request) if spec.shape.rank == 1 else [""]
    if spec.shape.rank == 2 and spec.shape[1] is not None:
        return [math.nan] * spec.shape[1]  # a vector of fixed length, of which no request knows
    value = request.values.get(name)
    if spec.dtype.is_floating:
        return math.nan if value is None else float(value)
    return 0 if value is None else int(value)


def _text_of(name: str, request: Request) -> str:
    if name == WISH:
        return request.wish
    return as_text({USER: request.user, **request.values}.get(name))


def _moment(values: Mapping[str, Any]) -> int:
    """Seconds since 1970 that agree with what is said of the moment."""
    if values.get("timestamp") is not None:
        return int(float(values["timestamp"]))
    # 1970 began on a Thursday, so weekday 0 is four days on; one part of a clock is said alone.
    given = [name for name in _CLOCK_S if values.get(name) is not None]
    if not given:
        return UNKNOWN_MOMENT
    first_monday = 4 * 86_400 if "weekday" in given else 0
    return first_monday + sum(int(float(values[name])) * _CLOCK_S[name] for name in given)


def _numpy_type(spec: tf.TensorSpec) -> Any:
    return object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype


def _encoded(values: Sequence[Any], spec: tf.TensorSpec) -> list[Any]:
    if spec.dtype != tf.string:
        return list(values)
    return [str(value).encode() for value in values]


def _padded(rows: Sequence[Sequence[Any]], spec: tf.TensorSpec) -> np.ndarray:
    """Rows of different lengths as one array, filled up with what says nothing."""
    fill = b"" if spec.dtype == tf.string else math.nan if spec.dtype.is_floating else -1
    array = np.full((len(rows), max(map(len, rows), default=0)), fill, _numpy_type(spec))
    for place, row in enumerate(rows):
        array[place, : len(row)] = _encoded(row, spec)
    return array
