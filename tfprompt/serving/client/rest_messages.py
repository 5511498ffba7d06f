"""TensorFlow Serving's REST messages, as a client writes and reads them; needs no TensorFlow."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from tfprompt.errors import ServingError
from tfprompt.serving import codes
from tfprompt.serving.client.answers import ModelMetadata, Outputs
from tfprompt.serving.signature import Signature, TensorInfo, read_signatures
from tfprompt.serving.target import Target
from tfprompt.serving.version_status import VersionStatus


def model_path(target: Target) -> str:
    """The address of a model: `/v1/models/demo/versions/3`."""
    path = f"/v1/models/{quote(target.name, safe='')}"
    if target.version is not None:
        return f"{path}/versions/{target.version}"
    return f"{path}/labels/{quote(target.label, safe='')}" if target.label else path


def predict_body(signature: str, inputs: Mapping[str, np.ndarray]) -> bytes:
    """A request in column format."""
    columns = {
        name: _plain(values.tolist()) if values.dtype == object else values.tolist()
        for name, values in inputs.items()
    }
    # NaN is written as such, which the format allows and JSON itself does not.
    body = {"signature_name": signature, "inputs": columns}
    return json.dumps(body, ensure_ascii=False).encode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(raw).decode("ascii")}


def read_predict(body: bytes, signature: Signature) -> Outputs:
    """The arrays of an answer in column format."""
    outputs = read_json(body).get("outputs")
    if len(signature.outputs) == 1 or not isinstance(outputs, dict):
        outputs = {next(iter(signature.outputs)): outputs}
    return Outputs(
        {
            name: _array(signature.outputs[name], value)
            for name, value in outputs.items()
            if name in signature.outputs
        }
    )


def _array(info: TensorInfo, value: Any) -> np.ndarray:
    if info.dtype != "string":
        return np.array(value, dtype=info.dtype)
    sizes: list[int] = []
    level = value
    while isinstance(level, list):
        sizes.append(len(level))
        level = level[0] if level else None
    flat: list[bytes] = []
    _gather(value, flat)
    found = np.empty(len(flat), object)
    found[:] = flat
    return found.reshape(sizes)


def _gather(value: Any, flat: list[bytes]) -> None:
    if isinstance(value, list):
        for item in value:
            _gather(item, flat)
    elif isinstance(value, dict):
        flat.append(base64.b64decode(value["b64"]))
    else:
        flat.append(value.encode("utf-8"))


def read_metadata(body: bytes) -> ModelMetadata:
    """What the metadata API tells."""
    document = read_json(body)
    try:
        spec = document["model_spec"]
        signatures = read_signatures(document["metadata"]["signature_def"])
        return ModelMetadata(spec["name"], int(spec["version"]), signatures)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServingError(f"The answer is no model metadata. Received: {body[:100]!r}.") from error


def read_status(body: bytes) -> list[VersionStatus]:
    """The versions that the status API tells of."""
    document = read_json(body)
    try:
        return [
            VersionStatus(
                int(status["version"]),
                status["state"],
                status["status"]["error_code"],
                status["status"]["error_message"],
            )
            for status in document["model_version_status"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ServingError(f"The answer is no model status. Received: {body[:100]!r}.") from error


def read_json(body: bytes) -> Any:
    """An answer's document.

    Raises:
        ServingError: the body is no JSON object: something else answers at this address.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ServingError(f"The answer is no JSON. Received: {body[:100]!r}.") from error
    if not isinstance(document, dict):
        raise ServingError(f"The answer is no JSON object. Received: {body[:100]!r}.")
    return document


def read_error(status: int, body: bytes, address: str) -> ServingError:
    """The error of the tree for an HTTP status of 400 and above."""
    try:
        message = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        message = body[:200].decode("utf-8", "replace") or "no details"
    return codes.error(codes.of_http(status), f"{address}: HTTP {status}: {message}")
