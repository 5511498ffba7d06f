"""The status codes of gRPC: their numbers, what they are over HTTP, which error stands for each.

The HTTP side is TensorFlow Serving's own table.
"""

from __future__ import annotations

from tfprompt.errors import (
    DeadlineError,
    ModelNotFoundError,
    RequestError,
    ServingError,
    UnavailableError,
)

# name → (number in gRPC, HTTP status)
_CODES = {
    "OK": (0, 200),
    "CANCELLED": (1, 499),
    "UNKNOWN": (2, 500),
    "INVALID_ARGUMENT": (3, 400),
    "DEADLINE_EXCEEDED": (4, 504),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "PERMISSION_DENIED": (7, 403),
    "RESOURCE_EXHAUSTED": (8, 429),
    "FAILED_PRECONDITION": (9, 400),
    "ABORTED": (10, 409),
    "OUT_OF_RANGE": (11, 400),
    "UNIMPLEMENTED": (12, 501),
    "INTERNAL": (13, 500),
    "UNAVAILABLE": (14, 503),
    "DATA_LOSS": (15, 500),
    "UNAUTHENTICATED": (16, 401),
}
_NAMES = {number: name for name, (number, _) in _CODES.items()}
_OF_HTTP = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    # What a proxy says of a server that is away.
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_ERRORS: dict[str, type[ServingError]] = {
    "INVALID_ARGUMENT": RequestError,
    "FAILED_PRECONDITION": RequestError,
    "OUT_OF_RANGE": RequestError,
    "NOT_FOUND": ModelNotFoundError,
    "UNAVAILABLE": UnavailableError,
    "RESOURCE_EXHAUSTED": UnavailableError,
    "DEADLINE_EXCEEDED": DeadlineError,
}


def number(code: str) -> int:
    """The number of a code in gRPC."""
    return _CODES[code][0]


def name(value: int) -> str:
    """The code of a gRPC number; "UNKNOWN" for one that is none."""
    return _NAMES.get(value, "UNKNOWN")


def http_status(code: str) -> int:
    """The HTTP status of a code."""
    return _CODES.get(code, _CODES["UNKNOWN"])[1]


def of_http(status: int) -> str:
    """The code that an HTTP status stands for."""
    if status < 400:
        return "OK"
    return _OF_HTTP.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")


def error(code: str, message: str, field: str | None = None) -> ServingError:
    """The error of the tree that stands for `code`.

    Example:
        >>> type(error("NOT_FOUND", "no such version")).__name__
        'ModelNotFoundError'
    """
    return _ERRORS.get(code, ServingError)(message, code, field)
