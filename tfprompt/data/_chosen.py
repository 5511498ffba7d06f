"""Some users of a data set, named by their ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset


def rows_of(dataset: Dataset, ids: Iterable[object]) -> np.ndarray:
    """The rows of some users, ascending, each once.

    Raises:
        ConfigError: it is no sequence of ids, or the data has no such user.
    """
    if isinstance(ids, str):
        raise ConfigError(
            f"users must be a sequence of ids. Received: the string {ids!r}. Write users=[{ids!r}]."
        )
    wanted = {str(user) for user in ids}
    rows = np.flatnonzero(np.isin(dataset.user_ids, sorted(wanted))) if wanted else np.zeros(0, int)
    if not wanted or len(rows) < len(wanted):
        unknown = sorted(wanted - set(dataset.user_ids.tolist()))
        received = f"{len(unknown):,} unknown, as {unknown[0]!r}" if wanted else "none"
        raise ConfigError(
            f"users must hold ids of users of the data. Received: {received}. Take them from "
            "dataset.user_ids (strings, after cleaning)."
        )
    return rows


def digest_of(ids: np.ndarray) -> str:
    """Eight characters that stand for a set of ids, whatever their order."""
    return hashlib.sha256("\x1e".join(sorted(ids.tolist())).encode()).hexdigest()[:8]
