"""What a client's call sends and how it reads the answer, whichever way it travels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from tfprompt.errors import ConfigError, RequestError
from tfprompt.serving.checks import check_names
from tfprompt.serving.client.answers import (
    ModelMetadata,
    Outputs,
    Recommendations,
    read_recommendations,
    read_scores,
)
from tfprompt.serving.client.field_values import read_values
from tfprompt.serving.client.requests import Request, build_inputs
from tfprompt.serving.signature import Signature
from tfprompt.serving.target import Target

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Plan(Generic[T]):
    """One call.

    Args:
        signatures: names to look for, the first that the model has is used.
        build: makes the inputs.
        read: makes the answer.
    """

    signatures: tuple[str, ...]
    build: Callable[[Signature], Mapping[str, np.ndarray]]
    read: Callable[[Outputs], T]

    def choose(self, metadata: ModelMetadata) -> Signature:
        """The signature to call.

        Raises:
            RequestError: the model has none of them.
        """
        for name in self.signatures:
            if name in metadata.signatures:
                return metadata.signatures[name]
        raise RequestError(
            f"Model {metadata.name!r} version {metadata.version} has no signature "
            f"{self.signatures[0]!r}. It has: {', '.join(metadata.signatures)}. Export it again "
            "to get more.",
            "FAILED_PRECONDITION",
            "signature_name",
        )


def recommend_plan(requests: Sequence[Request]) -> Plan[list[Recommendations]]:
    """Lists of items; an old artifact without `k` gives its whole list, cut by the client."""
    return Plan(
        ("recommend", "serving_default"),
        lambda signature: build_inputs(signature, requests, client_side=("k",)),
        lambda outputs: read_recommendations(outputs, requests),
    )


def score_plan(requests: Sequence[Request]) -> Plan[list[list[float]]]:
    """Scores of candidates."""
    for request in requests:
        if not request.candidates:
            raise RequestError("Scoring takes candidates. Received: none.", field="candidates")
    return Plan(
        ("score",),
        lambda signature: build_inputs(signature, requests),
        lambda outputs: read_scores(outputs, requests),
    )


def embedding_plan(signature: str, requests: Sequence[Request]) -> Plan[np.ndarray]:
    """Embeddings `[B, W]` by the signature of that name."""
    return Plan(
        (signature,),
        lambda found: build_inputs(found, requests),
        lambda outputs: outputs["embedding"],
    )


def raw_plan(signature: str, inputs: Mapping[str, Any]) -> Plan[Outputs]:
    """Inputs as they are: arrays or nested lists of the shapes that the signature asks for."""

    def build(found: Signature) -> dict[str, np.ndarray]:
        check_names(found, inputs)
        return {name: _tensor(found, name, value) for name, value in inputs.items()}

    return Plan((signature,), build, lambda outputs: outputs)


def _tensor(signature: Signature, name: str, value: Any) -> np.ndarray:
    info = signature.inputs[name]
    try:
        array = np.array(value, dtype=object)
        flat = [item for item in array.ravel()]
    except ValueError as error:
        raise RequestError(
            f"Input {name!r} has rows of one length. Received: {error}.", field=name
        ) from error
    if any(isinstance(item, list | tuple) for item in flat):
        raise RequestError(f"Input {name!r} has rows of one length. Pad them.", field=name)
    if info.rank is not None and array.ndim != info.rank:
        raise RequestError(
            f"Input {name!r} is {info}. Received the shape {list(array.shape)}.", field=name
        )
    return read_values(info, flat).reshape(array.shape)


def as_requests(requests: Sequence[Request | Mapping[str, Any]]) -> list[Request]:
    """Requests, some of which may be written as mappings of their arguments.

    Raises:
        RequestError: a mapping has a name that is no argument.
    """
    known = {field.name for field in dataclasses.fields(Request)}
    found = []
    for place, request in enumerate(requests):
        if isinstance(request, Request):
            found.append(request)
            continue
        unknown = sorted(set(request) - known)
        if unknown:
            raise RequestError(
                f"Request {place} has the argument {unknown[0]!r}, which is none of "
                f"{', '.join(sorted(known))}. Columns of the template go into fields.",
                field=unknown[0],
            )
        found.append(Request(**request))
    return found


def target_of(model: str, version: int | None, version_label: str) -> Target:
    """The model that a client asks for.

    Raises:
        ConfigError: no name, or a version and a label at once.
    """
    if not model:
        raise ConfigError("A client names a model. Received: no name.")
    if version is not None and version_label:
        raise ConfigError(
            f"A client names a version or a label. Received: {version} and {version_label!r}."
        )
    return Target(model, version, version_label)
