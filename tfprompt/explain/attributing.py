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
    row = int(model.catalog.index_of([item_id])[0])
    if row < 0:
        raise ConfigError(
            f"An explained item is one of the catalog, such as {model.catalog.ids[0]}. "
            f"Received: {item_id}."
        )
    laid = laid_out(model, request)
    path = ScorePath(model, laid, row)
    while True:
        integral = integrated_gradients(path, path.start, path.end, steps)
        difference = abs(float((integral.end - integral.start).sum()))
        error, tolerance = float(integral.errors.sum()), max(_SHARE * difference, _ROUNDING)
        if error <= tolerance or 2 * steps > max_steps:
            break
        steps *= 2
    content, denied = _content(model, laid, row), _denied(model, laid, row)
    exact = float(content.sum()) + sum(share.value for share in denied)
    return Attribution(
        item_id=str(item_id),
        title=model.catalog.titles()[row],
        score=float(integral.end.sum()) + exact,
        baseline=float(integral.start.sum()),
        shares=(*_integrated(model, laid, path, integral, content), *denied),
        steps=steps,
        error=error,
        tolerance=tolerance,
    )


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
    trained = {column.place: float(tokens[0, column.place]) for column in laid.columns}
    if model.encoder.deep_prompts:
        for place, share in enumerate(others.pop(0)[0].sum(axis=0)):  # [P], of all layers
            trained[place] += float(share)  # they overwrite the first places
    units: dict[Any, Share] = {}
    for column in laid.columns:
        similar = 0.0 if column.item is None else float(content[column.item])
        share = Share(column.segment, column.label, trained[column.place], similar)
        units[column.unit] = share.with_more(units.get(column.unit))
    if path.wish is not None:
        for unit, label, part, own in zip(
            path.wish.units, path.wish.labels, *others.pop(0), strict=True
        ):
            share = Share(WISH, label, float(part), float(own))
            units[WISH, unit] = share.with_more(units.get((WISH, unit)))
    return list(units.values())


def _content(model: Retriever, laid: LaidOut, row: int) -> np.ndarray:
    """What each past item adds to the content similarity `[H]`, see `history_content`."""
    vectors = np.asarray(laid.inputs["vectors"])[0]
    if not model.content_weight or not len(vectors):
        return np.zeros(len(vectors))
    weighted = DECAY ** np.arange(len(vectors))[::-1, None] * vectors
    length = np.sqrt((weighted.sum(axis=0) ** 2).sum() + 1e-12)
    text = np.asarray(model.item_table.vectors)[row]
    shares: np.ndarray = model.content_weight * (weighted @ text) / length
    return shares


def _denied(model: Retriever, laid: LaidOut, row: int) -> list[Share]:
    """What each thing that the wish denies takes off, see `wish_queries`."""
    if laid.wish is None:
        return []
    text = np.asarray(model.item_table.vectors)[row]
    taken = -model.wish_weight * UNWANTED_SHARE * (laid.wish.unwanted @ text)
    return [
        Share(WISH, f"no {name}", 0.0, float(value))
        for name, value in zip(laid.wish.wish.unwanted, taken, strict=True)
    ]
