"""The addresses of TensorFlow Serving's REST API."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tfprompt.errors import RequestError, ServingError
from tfprompt.serving.target import Target

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_METHOD = re.compile(_MODEL + ":(?P<rest>classify|regress|predict)", re.IGNORECASE | re.ASCII)
_STATUS = re.compile(_MODEL + "(?:/(?P<rest>metadata))?", re.IGNORECASE | re.ASCII)


def read_path(method: str, path: str) -> tuple[Target, str]:
    """What an address below `/v1/` asks for.

    Args:
        method: "GET" or "POST".
        path: as it was sent, still percent-encoded.

    Returns:
        The model, and "predict", "status" or "metadata".

    Raises:
        RequestError: the address is none of the API's.
        ServingError: Classify and Regress, which are not served here (UNIMPLEMENTED).

    Example:
        >>> read_path("POST", "/v1/models/demo/versions/3:predict")
        (Target(name='demo', version=3, label=''), 'predict')
    """
    pattern = {"POST": _METHOD, "GET": _STATUS}.get(method)
    found = pattern.fullmatch(path) if pattern else None
    if found is None:
        raise RequestError(f"Malformed request: {method} {path[:200]}")
    asked = (found["rest"] or "status").lower()
    if asked in ("classify", "regress"):
        raise ServingError(
            f"{asked} is not served here: its requests are tf.Example messages. Use predict.",
            "UNIMPLEMENTED",
        )
    version = int(found["version"]) if found["version"] else None
    if version is not None and version >= 2**63:
        raise RequestError(f"Failed to convert version: {found['version'][:40]} to numeric.")
    return Target(unquote(found["name"]), version, unquote(found["label"] or "")), asked
