"""Runs a scorer over requests, batch by batch, and keeps ranks instead of scores."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation._flat import Ints, drop_repeats, take_rows
from tfprompt.evaluation.measures import check_k, coverage_at
from tfprompt.evaluation.ranking import candidate_scores, target_ranks
from tfprompt.evaluation.scorer import Scorer
from tfprompt.evaluation.toplists import top_lists

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


@dataclass(frozen=True)
class Ranked:
    """What remains of the scores of R requests.

    Attributes:
        ranks: int64 [E], the rank of every target, request after request.
        offsets: int64 [R+1].
        coverage: for each k, the share of the catalog that occurs in any top-k list.
    """

    ranks: NDArray[np.int64]
    offsets: NDArray[np.int64]
    coverage: dict[int, float]


def rank_requests(
    scorer: Scorer,
    requests: Requests,
    *,
    rows: Ints | None = None,
    k: int | Iterable[int] = (10,),
    batch_size: int = 256,
    progress: bool = False,
) -> Ranked:
    """Ranks the targets of the requests `rows` among all N items.

    Requests are scored in order of their history's length, so that a model which pads a batch to
    its longest history wastes little; results come back in the order of `rows`. A target listed
    twice in one request counts once. Memory is about three times one batch of scores,
    `12 * batch_size * N` bytes.

    Args:
        scorer: a model or baseline.
        requests: the evaluation part.
        rows: int [R'], the requests to rank; all of them by default.
        k: list lengths for the coverage.
        batch_size: requests per call of `scorer.scores`.
        progress: shows a counter on the terminal; nothing where the output is not a terminal.

    Returns:
        The ranks and coverage.

    Raises:
        ConfigError: the scorer's name or scores break the interface.
        DataError: NaN scores, or requests that break a rule.

    Example:
        `rank_requests(Popularity(split.train), split.test).ranks`
    """
    lengths = check_k(k)
    check_scorer(scorer)
    if isinstance(batch_size, bool) or batch_size < 1:
        raise ConfigError(
            f"`batch_size` must be at least 1. Received: {batch_size}. Use for example 256."
        )
    rows = np.arange(len(requests.user_ids)) if rows is None else np.asarray(rows)
    if not len(rows):
        raise DataError(
            "There must be at least one request to evaluate. Received: 0. Check the split: "
            "users with too few events are dropped from it."
        )
    n_items = len(requests.catalog)
    targets, offsets = drop_repeats(
        *take_rows(requests.targets, requests.target_offsets, rows), n_items
    )
    order = np.argsort(np.diff(requests.history_offsets)[rows], kind="stable")
    found: list[NDArray[np.int64]] = []
    shown = {cut: np.zeros(n_items, bool) for cut in lengths}
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        scores = _checked(scorer, scorer.scores(requests, rows[batch]), len(batch), n_items)
        part = (
            *take_rows(targets, offsets, batch),
            *take_rows(requests.histories, requests.history_offsets, rows[batch]),
        )
        found.append(target_ranks(scores, *part, exclude_seen=requests.exclude_seen))
        lists = top_lists(
            candidate_scores(scores, *part, exclude_seen=requests.exclude_seen), lengths[-1]
        )
        for cut, mark in shown.items():
            listed = lists[:, :cut]
            mark[listed[listed >= 0]] = True
        if progress:
            _show(scorer.name, start + len(batch), len(order))
    # Back from the order of scoring to the order of `rows`.
    scored = np.concatenate([[0], np.cumsum(np.diff(offsets)[order])])
    ranks, _ = take_rows(np.concatenate(found), scored, np.argsort(order))
    coverage = {
        cut: coverage_at(np.flatnonzero(mark)[None].astype(np.int32), n_items, n_items)
        for cut, mark in shown.items()
    }
    return Ranked(ranks.astype(np.int64, copy=False), offsets, coverage)


def check_scorer(scorer: object) -> None:
    """Refuses what is not a `Scorer`.

    Raises:
        ConfigError: no `scores` method or no `name`.
    """
    if not callable(getattr(scorer, "scores", None)) or not isinstance(
        getattr(scorer, "name", None), str
    ):
        raise ConfigError(
            "What is evaluated must have a `name` and a method `scores(requests, rows)` that "
            f"returns [len(rows), N] (see tfprompt.evaluation.Scorer). Received: "
            f"{type(scorer).__name__}."
        )


def _checked(scorer: Scorer, scores: Any, rows: int, n_items: int) -> NDArray[Any]:
    table = np.asarray(scores)
    if table.shape != (rows, n_items):
        raise ConfigError(
            f"`{scorer.name}.scores` must return one row per request and one column per item of "
            f"the catalog, {(rows, n_items)}. Received: shape {table.shape}. Columns follow "
            "the catalog's order, without a padding column."
        )
    return table


def _show(name: str, done: int, total: int) -> None:
    """One line that overwrites itself."""
    if sys.stderr.isatty():
        print(
            f"\r{name}: {done:,} of {total:,} requests",
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )
