"""From a user, a history or a wish to a list of items."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError, DataError
from tfprompt.models.request_fields import RequestFields
from tfprompt.models.wishes import wish_candidates, wish_queries
from tfprompt.prompts.template import CLOCK_FEATURES, WISH

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset
    from tfprompt.models.retriever import Retriever

MAX_WISH_CHARACTERS = 10_000


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
    model: Retriever,
    *,
    user: str | None = None,
    history: Sequence[str] | None = None,
    wish: str | None = None,
    data: Dataset | None = None,
    profile: Mapping[str, Any] | None = None,
    exclude: Sequence[str] = (),
    k: int = 10,
) -> list[Recommendation]:
    """Recommends items for a known user, a new user's history, a wish, or any mix of them.

    A wish is read as an item that the catalog does not hold: its text vector stands as the newest
    item of the history. So it needs no training of its own, and combines with a history. What an
    item's text has in common with the wish counts beside (`wish_weight`): the trained part alone
    leans to what is popular.

    Args:
        model: a trained retriever.
        user: id of a user of `data`: history and profile are taken from there.
        history: ids of past items, oldest first; ids that the catalog lacks are skipped.
        wish: free text.
        data: the data set that knows `user`.
        profile: the columns that the template names, for a user outside `data`.
        exclude: ids that must not be recommended, besides those in the history.
        k: length of the list, at most the catalog's.

    Returns:
        At most k items, best first; items of the history are left out.

    Raises:
        ConfigError: nothing to go by, an unknown user, or a wish past 10,000 characters.

    Example:
        for item in tp.recommend(model, wish="slow science fiction with robots", k=5):
            print(f"{item.score:.3f} {item.title}")
    """
    wish = (wish or "").strip()
    if user is None and history is None and not wish and not profile:
        raise ConfigError("A recommendation needs a user, a history, a profile or a wish.")
    for name, value in (("history", history), ("exclude", exclude)):
        if isinstance(value, str):
            raise ConfigError(f"{name} is a list of item ids. Received: the string {value!r}.")
    if k < 1:
        raise ConfigError(f"k is 1 or more. Received: {k}.")
    if wish and len(wish) > MAX_WISH_CHARACTERS:
        raise ConfigError(
            f"A wish has at most {MAX_WISH_CHARACTERS:,} characters. Received: {len(wish):,}."
        )
    template = model.encoder.template
    if wish and not template.has_history and WISH not in template.fields:
        raise ConfigError(
            "A wish is read as an item of {history:items} or as {wish}, and the template has "
            f"neither. Received: {template.source!r}."
        )
    _check_profile(model, profile or {})
    model.prepare()
    past, values = _known_user(data, user) if user is not None else ([], {})
    past = [*past, *(history or ())]
    rows = model.catalog.index_of(past)
    rows = rows[rows >= 0]
    query = _query(model, rows, wish, {**values, **(profile or {}), "wish": wish or ""})
    scores = np.asarray(wish_candidates(model)) @ query
    hidden = model.catalog.index_of(list(exclude))
    scores[rows] = -np.inf
    scores[hidden[hidden >= 0]] = -np.inf
    best = np.argsort(-scores, kind="stable")[:k]
    titles = _titles(model)
    return [
        Recommendation(str(model.catalog.ids[row]), titles[row], float(scores[row]))
        for row in best
        if np.isfinite(scores[row])
    ]


def _check_profile(model: Retriever, profile: Mapping[str, Any]) -> None:
    """Refuses columns that the data does not have, and words where a number is read."""
    template = model.encoder.template
    read = sorted({*template.fields, *template.features} - {WISH})
    known = {*read, *CLOCK_FEATURES, "user_id"}
    known |= {c.name for c in model.catalog.columns.values() if c.source != "item"}
    for name, value in profile.items():
        if name not in known:
            raise ConfigError(
                f"A profile gives columns of the data; this template reads "
                f"{', '.join(read) or 'none'}. Received: {name!r}."
            )
        column = model.catalog.columns.get(name)
        if name in template.features and column is not None and column.kind == "number":
            try:
                float("nan" if value is None else value)
            except (TypeError, ValueError):
                raise ConfigError(f"{name} is a number. Received: {value!r}.") from None


def _known_user(data: Dataset | None, user: str) -> tuple[list[str], dict[str, Any]]:
    """History and profile of a user of `data`."""
    if data is None:
        raise ConfigError("A user is looked up in `data`: pass the data set that knows the user.")
    events = data.interactions.filter(pl.col("user_id") == str(user))
    if events.is_empty():
        raise DataError(f"The data has no user '{user}'. For a new one pass history or wish.")
    values: dict[str, Any] = {}
    if data.users is not None:
        found = data.users.filter(pl.col("user_id") == str(user))
        values = found.row(0, named=True) if found.height else {}
    return events["item_id"].to_list(), values


def _query(
    model: Retriever, rows: np.ndarray, wish: str | None, values: Mapping[str, Any]
) -> np.ndarray:
    """The query `[D+V]` of one request."""
    encoder = model.encoder
    users = pl.DataFrame({name: [value] for name, value in values.items()}, strict=False)
    fields = RequestFields(encoder, model.catalog.columns, users, cache=False)
    inputs: dict[str, Any] = dict(fields.take(np.zeros(1, int)))
    room = encoder.max_history - bool(wish)
    history = rows[-room:][None].astype(np.int32) if room > 0 else rows[:0][None].astype(np.int32)
    vectors, ids = model.item_table(history)
    wished = np.zeros((1, model.item_table.width), np.float32)
    if wish:
        raw = encode_texts(encoder.loaded, [wish], cache=False, progress=False)
        wished = np.asarray(model.item_table.from_text(raw))
        vectors = np.concatenate([vectors, wished[None]], axis=1)
        if ids is not None:
            ids = np.concatenate([ids, np.zeros((1, 1, ids.shape[-1]), np.float32)], axis=1)
    inputs["vectors"], inputs["ids"] = vectors, ids
    inputs["items_mask"] = np.ones(inputs["vectors"].shape[:2], bool)
    return np.asarray(wish_queries(model, model(inputs), wished))[0]


def _titles(model: Retriever) -> list[str]:
    frame = model.catalog.frame
    texts = model.catalog.texts()
    if "title" not in frame.columns:
        return texts
    return [title or text for title, text in zip(frame["title"].to_list(), texts, strict=True)]
