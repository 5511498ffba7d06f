"""TensorFlow Serving's REST format, going in: JSON as the inputs of a signature.

Row format `instances` and column format `inputs`, `{"b64": …}` for bytes, the short form of a
single named input, the tokens NaN and Infinity. Source: `api_rest.md` of TensorFlow Serving.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfprompt.errors import RequestError
from tfprompt.serving.checks import check_names
from tfprompt.serving.local.json_values import is_bytes, read_tensor, shown
from tfprompt.serving.signature import Signature, TensorInfo

ROW, COLUMN = "instances", "inputs"


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        RequestError: the bytes are no UTF-8, no JSON, nested too deep, or no object.
    """
    try:
        document = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RequestError(f"JSON is UTF-8. Received: {error.reason} at {error.start}.") from error
    except ValueError as error:
        raise RequestError(f"JSON Parse error: {str(error)[:200]}") from error
    except RecursionError as error:
        raise RequestError("JSON Parse error: nested too deep.") from error
    if not isinstance(document, dict):
        raise RequestError(f"A request is a JSON object. Received: {shown(document)}.")
    return document


def signature_name(document: Mapping[str, Any]) -> str:
    """The signature that a request names, "" for the default one.

    Raises:
        RequestError: it is no string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise RequestError(
            f"signature_name is a string. Received: {shown(name)}.", field="signature_name"
        )
    return name


def request_format(document: Mapping[str, Any]) -> str:
    """`ROW` or `COLUMN`.

    Raises:
        RequestError: the request has neither key, or both.
    """
    found = [key for key in (ROW, COLUMN) if key in document]
    if len(found) != 1:
        raise RequestError(
            f'A request has one of the keys "{ROW}" and "{COLUMN}". Received: '
            f"{'both' if found else 'neither'}."
        )
    return found[0]


def read_inputs(document: Mapping[str, Any], signature: Signature) -> dict[str, np.ndarray]:
    """The input tensors of a request.

    Raises:
        RequestError: with the input, and the instance in row format.
    """
    kind = request_format(document)
    value = document[kind]
    if kind == COLUMN:
        return _columns(value, signature)
    if not isinstance(value, list) or not value:
        raise RequestError(f'"{ROW}" is a list of 1 instance or more. Received: {shown(value)}.')
    return _rows(value, signature)


def _columns(value: Any, signature: Signature) -> dict[str, np.ndarray]:
    if isinstance(value, dict) and not is_bytes(value):
        # Names that the signature does not know are passed over, as TensorFlow Serving does.
        known = {name: item for name, item in value.items() if name in signature.inputs}
        check_names(signature, known)
        return {name: read_tensor(signature.inputs[name], item) for name, item in known.items()}
    info = _only_input(signature, COLUMN)
    return {info.name: read_tensor(info, value)}


def _rows(rows: list[Any], signature: Signature) -> dict[str, np.ndarray]:
    if not isinstance(rows[0], dict) or is_bytes(rows[0]):
        info = _only_input(signature, ROW)
        for place, row in enumerate(rows):
            if isinstance(row, dict) and not is_bytes(row):
                raise RequestError(f"Instance {place} is an object, and the first one is not.")
        return {info.name: read_tensor(info, rows)}
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != rows[0].keys():
            raise RequestError(
                f"Every instance is an object with the same keys. Received: instance {place} is "
                f"{shown(row)}."
            )
    check_names(signature, rows[0])
    return {
        name: read_tensor(signature.inputs[name], [row[name] for row in rows]) for name in rows[0]
    }


def _only_input(signature: Signature, key: str) -> TensorInfo:
    if len(signature.inputs) != 1:
        raise RequestError(
            f'"{key}" without names is for a signature with one input. This one has '
            f"{{{', '.join(sorted(signature.inputs))}}}: send objects with these keys."
        )
    return next(iter(signature.inputs.values()))
