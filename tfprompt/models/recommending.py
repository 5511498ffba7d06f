"""From a request, a user, a history or a wish to a list of items."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.data.request import Request
from tfprompt.errors import ConfigError, WishWarning
from tfprompt.models.request_inputs import known_history, request_inputs
from tfprompt.models.wish_reading import ReadWish, read_wish
from tfprompt.models.wishes import wish_candidates, wish_queries

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset
    from tfprompt.models.recommender import Recommender
    from tfprompt.models.retriever import Retriever


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """One recommended item.

    Attributes:
        item_id: its id in the catalog.
        title: its title, or its text where the catalog has no titles.
        score: the similarity of query and candidate; comparable within one list.
    """

    item_id: str
    title: str
    score: float


def recommend(
    model: Retriever | Recommender,
    request: Request | None = None,
    *,
    user: str | None = None,
    history: Sequence[str] | None = None,
    wish: str | None = None,
    data: Dataset | None = None,
    profile: Mapping[str, Any] | None = None,
    exclude: Sequence[str] = (),
    k: int = 10,
    prompt: str | None = None,
) -> list[Recommendation]:
    """Recommends items for a known user, a new user's history, a wish, or any mix of them.

    A wish is read as an item that the catalog does not hold: its text vector stands as the newest
    item of the history. So it needs no training of its own, and combines with a history. What an
    item's text has in common with the wish counts beside (`wish_weight`): the trained part alone
    leans to what is popular. What the wish denies ("but no horror") is taken out of its text, and
    pushes down the items that have it in common.

    Args:
        model: a trained retriever, or a recommender of two stages.
        request: all of the following but `data` and `k` in one object, and a context too.
        user: id of a user of `data`: history and profile are taken from there.
        history: ids of past items, oldest first; ids that the catalog lacks are skipped.
        wish: free text.
        data: the data set that knows `user`.
        profile: the columns that the template names, for a user outside `data`.
        exclude: ids that must not be recommended, besides those in the history.
        k: length of the list, at most the catalog's.
        prompt: name of a prompt of the retriever's bank (`model.prompts`); None takes its own.

    Returns:
        At most k items, best first; items of the history are left out.

    Raises:
        ConfigError: another model, nothing to go by, an unknown user, a wish past 10,000
            characters, without a word, or in a script that the encoder does not read.

    Warns:
        WishWarning: the wish was read otherwise than it was written.

    Example:
        for item in tp.recommend(model, wish="slow science fiction with robots", k=5):
            print(f"{item.score:.3f} {item.title}")
    """
    _check_model(model)
    given = {"user": user, "history": history, "wish": wish, "profile": profile}
    if request is None:
        request = _request(data, given, exclude)
    elif len(exclude) or data is not None or any(value is not None for value in given.values()):
        raise ConfigError(
            "What a request holds is not given beside it. Received: a Request and other arguments "
            "than k. Put them into the Request."
        )
    elif not isinstance(request, Request):
        raise ConfigError(
            f"A request is a tp.data.Request. Received: {type(request).__name__}. A user, a "
            "history or a wish is passed by name, as wish=..."
        )
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ConfigError(f"k is 1 or more. Received: {k}.")
    request.check(model.catalog, model.encoder.template)
    model.prepare()
    retriever: Any = getattr(model, "retriever", model)
    read = read_wish(retriever, request.wish) if request.wish else None
    if read is not None and read.wish.notes:
        warnings.warn("; ".join(read.wish.notes), WishWarning, stacklevel=2)
    titles = retriever.catalog.titles()
    return [
        Recommendation(str(model.catalog.ids[row]), titles[row], float(value))
        for row, value in zip(*best_of(model, request, read, k, prompt), strict=True)
    ]


def best_of(
    model: Retriever | Recommender,
    request: Request,
    read: ReadWish | None,
    k: int,
    prompt: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best items of one checked request: catalog rows and scores, at most k, best first.

    Args:
        model: a trained retriever, or a recommender of two stages; prepared.
        request: who asks.
        read: its wish as the model takes it, None for none.
        k: length of the list.
        prompt: name of a prompt of the retriever's bank.

    Raises:
        ConfigError: a recommender keeps fewer items than k.
    """
    two_stages: Any = model if hasattr(model, "retriever") else None
    retriever: Any = model if two_stages is None else two_stages.retriever
    scores = _scores(retriever, request, read, prompt)
    if two_stages is None:
        rows = np.argsort(-scores, kind="stable")[:k]
        values = scores[rows]
    else:
        rows, values = _two_stages(two_stages, scores, request, read, k)
    left = (rows >= 0) & np.isfinite(values)
    return rows[left], values[left]


def _check_model(model: Any) -> None:
    """Refuses what has no list of its own; the remedy names what has."""
    from tfprompt.models.recommender import Recommender
    from tfprompt.models.retriever import Retriever

    if isinstance(model, Retriever | Recommender):
        return
    kind = type(model).__name__
    rule = f"A list comes from a Retriever or a Recommender. Received: a {kind}."
    if kind == "MultiTask":
        asked = [f"model.tasks[{n!r}]" for n, m in model.tasks.items() if isinstance(m, Retriever)]
        raise ConfigError(f"{rule} Ask one of its tasks: {', '.join(asked) or 'none retrieves'}.")
    if kind == "Ranker":
        raise ConfigError(f"{rule} Put it behind a retriever: tp.Recommender(retriever, ranker).")
    raise ConfigError(rule)


def _two_stages(
    model: Recommender, scores: np.ndarray, request: Request, read: ReadWish | None, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k first of the final list: rows and scores `[k]`."""
    if k > model.rank:
        raise ConfigError(
            f"A list has at most rank={model.rank} items, which the second stage keeps. "
            f"Received: k={k}. Make the recommender with a larger rank."
        )
    inputs = None if model.ranker is None else request_inputs(model.ranker, request, read)
    rows, values = model.of_scores(scores, inputs)
    return rows[:k], values[:k]


def _request(data: Dataset | None, given: dict[str, Any], exclude: Sequence[str]) -> Request:
    """The request that `recommend`'s own arguments describe."""
    user, profile = given["user"], given["profile"] or {}
    history, wish = given["history"], given["wish"] or ""
    if user is None:
        return Request(history=history, profile=profile, wish=wish, exclude=exclude)
    if data is None:
        raise ConfigError("A user is looked up in `data`: pass the data set that knows the user.")
    return Request.of(data, user, history=history, profile=profile, wish=wish, exclude=exclude)


def _scores(
    model: Retriever, request: Request, read: ReadWish | None, prompt: str | None
) -> np.ndarray:
    """Scores of all items `[N]`; minus infinity for what must not be recommended."""
    inputs = request_inputs(model, request, read)
    query = model(inputs) if prompt is None else model.prompts.queries(inputs, [prompt])
    wanted = np.zeros((1, model.item_table.width), np.float32) if read is None else read.wanted
    denied = None if read is None else read.unwanted.sum(axis=0, keepdims=True)
    queries = np.asarray(wish_queries(model, query, wanted, denied))
    scores: np.ndarray = np.asarray(wish_candidates(model)) @ queries[0]
    hidden = model.catalog.index_of(list(request.exclude))
    scores[known_history(model.catalog, request)[0]] = -np.inf
    scores[hidden[hidden >= 0]] = -np.inf
    return scores
