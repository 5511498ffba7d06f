"""What a ranker's words are told without content, measured once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.data.request import Request
from tfprompt.errors import ConfigError
from tfprompt.models.ranking_pipeline import with_candidates
from tfprompt.models.request_inputs import request_inputs

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.models.ranker import Ranker

# Items that a request without content is asked about, and how many in one pass.
_ITEMS, _AT_ONCE = 256, 32


def calibrate(ranker: Any, requests: Requests | None = None) -> None:
    """See `Ranker.calibrate`; `ranker` is one."""
    if ranker.verbalizer is None or not ranker.verbalizer.calibrated:
        raise ConfigError(
            'Words are calibrated where the verbalizer says so: verbalizer=Verbalizer.of(["no", '
            f'"yes"], calibrated=True). Received: {ranker.verbalizer}.'
        )
    batches = _without_content(ranker) if requests is None else _unlabelled(ranker, requests)
    found = []
    for inputs, candidates in batches:
        states = ranker(with_candidates(inputs, candidates), states_only=True)
        found.append(np.asarray(states)[candidates >= 0])
    ranker.head.calibrate(np.concatenate(found))


Pairs = Iterator[tuple[dict[str, Any], np.ndarray]]


def _without_content(ranker: Ranker) -> Pairs:
    """Nobody, who did nothing, asked about items from all over the catalog."""
    inputs = request_inputs(ranker, Request(history=[]))
    count = len(ranker.catalog)
    rows = np.unique(np.linspace(0, count - 1, min(_ITEMS, count)).round().astype(np.int32))
    for at in range(0, len(rows), _AT_ONCE):
        yield inputs, rows[None, at : at + _AT_ONCE]


def _unlabelled(ranker: Ranker, requests: Requests) -> Pairs:
    """What is asked for, never what was said of it."""
    ranker.check_catalog(requests)
    fields = ranker.pipeline.fields_of(requests)
    for inputs, rows in ranker.pipeline.request_arrays(requests, fields, 16):
        yield inputs, ranker.pipeline.targets(requests, rows)[0]
