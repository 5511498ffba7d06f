"""What was evaluated, in a few words and digits that a report keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


def settings_of(scorer: object) -> dict[str, Any]:
    """The scorer's description of itself in types that JSON has; nothing where it has none."""
    settings = getattr(scorer, "settings", None)
    if not isinstance(settings, Mapping):
        return {}
    return {
        str(name): value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
        for name, value in settings.items()
    }


def fingerprint_of(requests: Requests) -> str:
    """sha256 over catalog, users, histories and targets: are two reports about the same?"""
    digest = hashlib.sha256()
    for names in (requests.catalog.ids, requests.user_ids):
        digest.update("\x1f".join(map(str, names)).encode() + b"\x1e")
    for numbers in (
        requests.histories,
        requests.history_offsets,
        requests.targets,
        requests.target_offsets,
    ):
        digest.update(np.ascontiguousarray(numbers, np.int64).tobytes() + b"\x1e")
    digest.update(str(bool(requests.exclude_seen)).encode())
    return digest.hexdigest()


def ratings_fingerprint_of(requests: Requests) -> str:
    """`fingerprint_of`, and over the ratings of histories and targets too."""
    digest = hashlib.sha256(fingerprint_of(requests).encode())
    for ratings in (requests.history_ratings, requests.target_ratings):
        digest.update(b"\x1d")
        if ratings is not None:
            # Adding zero turns -0.0 into 0.0; NaN has many spellings and gets one.
            numbers = np.where(np.isnan(ratings), np.float32(np.nan), ratings + 0.0)
            digest.update(numbers.astype("<f4").tobytes())
    return digest.hexdigest()
