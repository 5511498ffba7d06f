"""Requests as a program writes them, and the input tensors that a signature makes of them."""

from __future__ import annotations

import dataclasses
import datetime
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.client.field_values import filling, read_values
from tfprompt.serving.signature import Signature, TensorInfo

# With server-side batching a shorter tensor is padded with its own first element. A leading ""
# makes that padding, whatever the list holds.
_LED = ("history", "exclude")
HISTORY, CANDIDATES = "history", "candidates"


@dataclasses.dataclass(frozen=True)
class Request:
    """One request of a recommendation or of scores.

    Args:
        history: item ids, oldest first.
        wish: what is wanted, in words.
        k: results wanted; None for as many as the model exports.
        exclude: item ids never to recommend.
        prompt: name of a prompt; "" for the default one.
        fields: values of the columns that the model's template names, and of any other input.
        timestamp: the moment of the request, in seconds since 1970 (-1 for unknown) or as a
            datetime with a zone; None for now.
        candidates: item ids to score.
    """

    history: Sequence[str] = ()
    wish: str = ""
    k: int | None = None
    exclude: Sequence[str] = ()
    prompt: str = ""
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    timestamp: int | float | datetime.datetime | None = None
    candidates: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, numbers.Integral | None):
            raise RequestError(f"k is a whole number. Received: {self.k!r}.", field="k")
        if self.k is not None and not 1 <= self.k < 2**31:
            raise RequestError(f"k is 1 or more, or None. Received: {self.k}.", field="k")
        for name in ("history", "exclude", "candidates"):
            value = getattr(self, name)
            if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
                raise RequestError(
                    f"{name} is a list of item ids. Received: {type(value).__name__}.", field=name
                )

    def given(self) -> dict[str, Any]:
        """What this request says, by input; what it does not say is left out."""
        values: dict[str, Any] = {}
        for name in ("history", "wish", "exclude", "prompt", "candidates"):
            if len(getattr(self, name)):
                values[name] = getattr(self, name)
        if self.k is not None:
            values["k"] = int(self.k)
        if self.timestamp is not None:
            values["timestamp"] = _seconds(self.timestamp)
        for name, value in self.fields.items():
            if name in values or name in {field.name for field in dataclasses.fields(self)}:
                raise RequestError(
                    f"{name!r} is an argument of its own. Received: it stands in fields.",
                    field=name,
                )
            values[name] = value
        return values


def build_inputs(
    signature: Signature, requests: Sequence[Request], client_side: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """The input tensors of a batch of requests, B of them.

    Args:
        signature: tells names, types and ranks.
        requests: one or more.
        client_side: inputs that the client makes good for where the signature lacks them.

    Returns:
        Every input of the signature: `[B]`, or `[B, L]` with the longest list's L, shorter ones
        padded with "", NaN or 0 at the end.

    Raises:
        RequestError: an unknown column, or a value of the wrong type or length; with the field.
    """
    if not requests:
        raise RequestError("A batch has 1 request or more. Received: none.")
    given = [request.given() for request in requests]
    for values in given:
        for name in values:
            if name not in signature.inputs and name not in client_side:
                raise RequestError(_unknown(name, signature), field=name)
    lengths = [len(values.get(HISTORY, ())) for values in given]
    return {
        name: _column(info, [values.get(name) for values in given], lengths)
        for name, info in signature.inputs.items()
        if not info.optional or any(name in values for values in given)
    }


def _unknown(name: str, signature: Signature) -> str:
    known = ", ".join(sorted(signature.inputs))
    if name in ("exclude", "prompt", "k"):
        return (
            f"The served model takes no {name!r}: it was exported before that was possible, or "
            f"signature {signature.name!r} has no use for it. Export it again, or leave {name!r} "
            f"out. Its inputs: {known}."
        )
    return f"Signature {signature.name!r} has no input {name!r}. Its inputs: {known}."


def _column(info: TensorInfo, values: list[Any], lengths: list[int]) -> np.ndarray:
    """`[B]` or `[B, L]` of one input; None stands for what a request does not say."""
    if info.rank == 1:
        return read_values(info, [filling(info) if value is None else value for value in values])
    if info.rank != 2:
        raise RequestError(
            f"Input {info.name!r} is {info}, which this method cannot fill. Use predict().",
            field=info.name,
        )
    lists = [_as_list(info, value) for value in values]
    fixed = info.shape[1] if info.shape is not None else None
    if fixed is not None:
        return _of_fixed_length(info, fixed, lists)
    beside = _beside_history(info)
    for place, (each, value) in enumerate(zip(lists, values, strict=True)):
        if beside and value is not None and len(each) != lengths[place]:
            raise RequestError(
                f"Input {info.name!r} goes with the history item by item. Received: {len(each)} "
                f"values for {lengths[place]} items.",
                field=info.name,
            )
    lead = [filling(info)] if info.name in _LED or beside else []
    # What goes with the history is as long as the history, given or not.
    least = max(lengths) + 1 if beside else 1
    width = max(least, *(len(lead) + len(each) for each in lists))
    padded = [[*lead, *each, *[filling(info)] * (width - len(lead) - len(each))] for each in lists]
    return read_values(info, [item for each in padded for item in each]).reshape(-1, width)


def _of_fixed_length(info: TensorInfo, length: int, lists: list[list[Any]]) -> np.ndarray:
    """Vectors `[B, length]`; an empty list is not given."""
    for each in lists:
        if each and len(each) != length:
            raise RequestError(
                f"Input {info.name!r} is {info}. Received: {len(each)} values.", field=info.name
            )
    full = [each or [filling(info)] * length for each in lists]
    return read_values(info, [item for each in full for item in each]).reshape(-1, length)


def _beside_history(info: TensorInfo) -> bool:
    """Lists of numbers, which say something about each item of the history."""
    return info.dtype != "string"


def _as_list(info: TensorInfo, value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise RequestError(f"Input {info.name!r} is a list. Received: {value!r}.", field=info.name)
    return list(value)


def _seconds(moment: int | float | datetime.datetime) -> int:
    if isinstance(moment, datetime.datetime):
        if moment.tzinfo is None:
            raise RequestError(
                "A timestamp has a time zone. Received: a datetime without one; add "
                "tzinfo=datetime.timezone.utc.",
                field="timestamp",
            )
        return int(moment.timestamp())
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        raise RequestError(
            f"timestamp is in seconds since 1970. Received: {moment!r}.", field="timestamp"
        )
    return int(moment)
