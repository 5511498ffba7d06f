"""Which past items, words and prompts raised one item's score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.explain.attribution import Attribution, Share
from tfprompt.explain.explained import LaidOut, check_retriever, laid_out
from tfprompt.explain.integration import Integral, integrated_gradients
from tfprompt.explain.score_path import ScorePath
from tfprompt.layers.history_content import DECAY
from tfprompt.models.wishes import UNWANTED_SHARE

if TYPE_CHECKING:
    from tfprompt.data.request import Request
    from tfprompt.models.retriever import Retriever

WISH = "wish"
# The error that is aimed at, as a share of the difference, and what float32 leaves of a score.
_SHARE, _ROUNDING = 0.01, 2e-5


def attribute(
    model: Retriever,
    request: Request,
    item_id: str,
    *,
    rather_than: str | None = None,
    steps: int = 64,
    max_steps: int = 1024,
) -> Attribution:
    """Shares out one item's score among everything that the request is made of.

    The trained part of the score, and the wish's, are shared out by integrated gradients on the
    way from a request that says nothing (see `tfprompt.explain.score_path`) to the request, from
    the seam on; the words of a wish from the embeddings on. What `content_weight` adds is a sum
    over past items once its length is known, and each item gets its own term. So is what a wish
    denies.

    Args:
        model: a trained retriever.
        request: who asks.
        item_id: the item, recommended or not.
        rather_than: id of another item: then what is shared out is by how much `item_id` scores
            above it. What makes every item score more, as the words of the template, falls away.
        steps: points at which gradients are taken; doubled until the shares add up to the
            difference of scores within 1 %.
        max_steps: where doubling ends; `error` then says what is left.

    Returns:
        The shares, the two scores, and how far the sum is off.

    Raises:
        ConfigError: another model, a request that it cannot take, an unknown item, or steps out
            of range.

    Example:
        request = tp.data.Request(history=["50", "181"])
        why = tp.explain.attribute(model, request, tp.recommend(model, request)[0].item_id)
        print(why)
        why.to_html("why.html")

    Reference:
        Sundararajan et al., 2017, "Axiomatic Attribution for Deep Networks".
    """
    if not 1 <= steps <= max_steps:
        raise ConfigError(
            f"Steps are 1 or more and at most max_steps. Received: steps={steps}, "
            f"max_steps={max_steps}."
        )
    check_retriever(model)
    ids = [item_id] if rather_than is None else [item_id, rather_than]
    rows = _rows(model, ids)
    laid = laid_out(model, request)
    vectors, id_vectors = model.item_table(rows)
    # Scores are linear in the item, so that a difference of two is the score of their difference.
    candidate = _difference(model.trained_candidates(vectors, id_vectors))
    text = _difference(vectors)
    path = ScorePath(model, laid, candidate, text)
    while True:
        integral = integrated_gradients(path, path.start, path.end, steps)
        difference = abs(float((integral.end - integral.start).sum()))
        error, tolerance = float(integral.errors.sum()), max(_SHARE * difference, _ROUNDING)
        if error <= tolerance or 2 * steps > max_steps:
            break
        steps *= 2
    content, denied = _content(model, laid, text), _denied(model, laid, text)
    exact = float(content.sum()) + sum(share.value for share in denied)
    return Attribution(
        item_id=str(item_id),
        rather_than=None if rather_than is None else str(rather_than),
        title=" rather than ".join(model.catalog.titles()[row] for row in rows),
        score=float(integral.end.sum()) + exact,
        baseline=float(integral.start.sum()),
        shares=(*_integrated(model, laid, path, integral, content), *denied),
        steps=steps,
        error=error,
        tolerance=tolerance,
    )


def _rows(model: Retriever, ids: list[str]) -> np.ndarray:
    """The catalog's rows of the items `[n]`.

    Raises:
        ConfigError: an unknown id.
    """
    rows = model.catalog.index_of(ids)
    unknown = [i for i, row in zip(ids, rows, strict=True) if row < 0]
    if unknown:
        raise ConfigError(
            f"An explained item is one of the catalog, such as {model.catalog.ids[0]}. "
            f"Received: {unknown[0]}."
        )
    return np.asarray(rows, np.int32)


def _difference(rows: Any) -> np.ndarray:
    """The first of some rows `[n, D]`, or what it has beyond the second."""
    values = np.asarray(rows, np.float32)
    return values[0] if len(values) == 1 else values[0] - values[1]


def _integrated(
    model: Retriever, laid: LaidOut, path: ScorePath, integral: Integral, content: np.ndarray
) -> list[Share]:
    """The shares of what was integrated over, in the order of the template.

    Args:
        model: the retriever.
        laid: the request.
        path: the way that was integrated along.
        integral: what came of it.
        content: what past items add to the content similarity `[H]`.
    """
    tokens, *others = integral.shares
    tokens = tokens[0].sum(axis=0)  # [S], of all members
    trained = {column.place: float(tokens[column.place]) for column in laid.columns}
    if laid.deep is not None:
        for place, share in enumerate(others.pop(0)[0].sum(axis=(0, 1))):  # [P], of all layers
            trained[place] += float(share)  # they overwrite the first places
    units: dict[Any, Share] = {}
    for column in laid.columns:
        similar = 0.0 if column.item is None else float(content[column.item])
        if column.item is not None and column.item == laid.wish_item and not similar:
            continue  # all that it gave is its words'
        share = Share(column.segment, column.label, trained[column.place], similar)
        units[column.unit] = share.with_more(units.get(column.unit))
    if path.wish is not None:
        for unit, label, part, own in zip(
            path.wish.units, path.wish.labels, *others.pop(0), strict=True
        ):
            share = Share(WISH, label, float(part), float(own))
            units[WISH, unit] = share.with_more(units.get((WISH, unit)))
    return list(units.values())


def _content(model: Retriever, laid: LaidOut, text: np.ndarray) -> np.ndarray:
    """What each past item adds to the content similarity `[H]`, see `history_content`."""
    vectors = np.asarray(laid.inputs["vectors"])[0]
    if not model.content_weight or not len(vectors):
        return np.zeros(len(vectors))
    weighted = DECAY ** np.arange(len(vectors))[::-1, None] * vectors
    length = np.sqrt((weighted.sum(axis=0) ** 2).sum() + 1e-12)
    shares: np.ndarray = model.content_weight * (weighted @ text) / length
    return shares


def _denied(model: Retriever, laid: LaidOut, text: np.ndarray) -> list[Share]:
    """What each thing that the wish denies takes off, see `wish_queries`."""
    if laid.wish is None:
        return []
    taken = -model.wish_weight * UNWANTED_SHARE * (laid.wish.unwanted @ text)
    return [
        Share(WISH, f"no {name}", 0.0, float(value))
        for name, value in zip(laid.wish.wish.unwanted, taken, strict=True)
    ]
