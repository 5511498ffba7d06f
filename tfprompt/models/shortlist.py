"""What a retriever would hand to a ranker: the best candidates of every step and request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.retriever import Retriever


def shortlists(
    ranker: Ranker, retriever: Retriever, x: Any, validation_data: Any, count: int
) -> dict[str, np.ndarray]:
    """The lists that a ranker of clicks is trained and validated on, as `FitsParts.fit` takes them.

    Args:
        ranker: what is trained.
        retriever: whose best items it will be given.
        x: the training part.
        validation_data: the validation part, or what `fit` takes in its place.
        count: items a list.

    Raises:
        ConfigError: the ranker is of ratings or likes, or the batches are drawn already.
    """
    if ranker.objective.kind != "click":
        raise ConfigError(
            "A shortlist gives negatives to clicks; ratings have labels of their own. "
            f"Received: a shortlist for objective {ranker.objective.kind!r}."
        )
    if not isinstance(x, Sequences):
        raise ConfigError(
            "A shortlist is made for the training part of a split. Received: "
            f"{type(x).__name__}, whose negatives are drawn already."
        )
    ranker.check_catalog(x)
    found = {"hard": training_shortlist(retriever, x, count)}
    if isinstance(validation_data, Requests):
        found["shortlist"] = request_shortlist(retriever, validation_data, count)
    return found


def training_shortlist(retriever: Retriever, sequences: Sequences, count: int) -> np.ndarray:
    """For each event the items that the retriever would have offered instead of it.

    Args:
        retriever: a trained retriever.
        sequences: the training part; E events.
        count: items a list.

    Returns:
        int32 `[E, count]`, catalog rows, best first: without the event's own item and without
        what its user had before; -1 where no item is left. An event has no list at all where its
        user has no other event, where the retriever's own training has no target (its prompt is
        made of that event, or of another hour), and where its own item is not among the `count`
        best: a ranker never sees such an item, and would learn from it to prefer what the
        retriever does not.

    Raises:
        ConfigError: another catalog, more items than it has, or a retriever that cannot be asked
            at every position of a history.
    """
    _check(retriever, sequences, count)
    encoder = retriever.encoder
    template = encoder.template
    if not template.has_history or template.text_history or encoder.attention != "causal":
        raise ConfigError(
            "A shortlist for training needs a retriever that reads a history at every position, "
            "as {history:items} without a history as words, with attention='causal'. "
            f"Received: {template.source!r} with attention={encoder.attention!r}."
        )
    retriever.prepare()
    lists = np.full((len(sequences.items), count), -1, np.int32)
    candidates = np.asarray(retriever.candidates())
    data = retriever.pipeline.training_arrays(sequences, batch_size=32, seed=0, shift=False)
    for batch, x, y in data:
        queries = np.asarray(retriever.predict_queries(x))  # [B, L+1, W]
        first = batch["event"][:, :1] - 1
        events = np.concatenate([np.where(batch["start"][:, None], first, -1), batch["event"]], 1)
        for row, places in enumerate(events):
            # Where training has no target, the prompt shows what is to be guessed.
            real = np.flatnonzero((places >= 0) & (y["target"][row] >= 0))
            scores = queries[row, real] @ candidates.T
            own = sequences.items[places[real]]
            worth = scores[np.arange(len(real)), own]
            begin = sequences.offsets[batch["row"][row]]
            for place, event in enumerate(places[real]):
                scores[place, sequences.items[begin:event]] = -np.inf
            scores[np.arange(len(real)), own] = -np.inf
            offered = (scores > worth[:, None]).sum(axis=1) < count
            lists[places[real]] = np.where(offered[:, None], best(scores, count), -1)
    return lists


def request_shortlist(retriever: Retriever, requests: Requests, count: int) -> np.ndarray:
    """The retriever's list for each request, without seen items that are no target.

    Args:
        retriever: a trained retriever.
        requests: R requests.
        count: items a list.

    Returns:
        int32 `[R, count]`, catalog rows, best first; -1 where no item is left.
    """
    _check(retriever, requests, count)
    lists = np.empty((len(requests), count), np.int32)
    for at in range(0, len(requests), 256):
        rows = np.arange(at, min(at + 256, len(requests)))
        scores = np.array(retriever.scores(requests, rows))
        if requests.exclude_seen:
            for place, row in enumerate(rows.tolist()):
                seen = np.setdiff1d(requests.history(row), requests.target(row))
                scores[place, seen] = -np.inf
        lists[rows] = best(scores, count)
    return lists


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """The `count` best columns of each row `[n, N]`, best first; -1 for those at -inf."""
    count = min(count, scores.shape[1])
    if not len(scores):
        return np.zeros((0, count), np.int32)
    chosen = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(scores, chosen, axis=1)
    order = np.lexsort((chosen, -values), axis=1)
    chosen = np.take_along_axis(chosen, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    return np.where(np.isfinite(values), chosen, -1).astype(np.int32)


def _check(retriever: Retriever, part: Sequences | Requests, count: int) -> None:
    retriever.check_catalog(part)
    if not 1 <= count <= len(part.catalog):
        raise ConfigError(
            f"A shortlist has 1 to {len(part.catalog)} items, the catalog's number. "
            f"Received: {count}."
        )
