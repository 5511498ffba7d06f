"""One request as what the prompted encoder takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tfprompt.models.request_fields import RequestFields, clock, history_texts
from tfprompt.models.wish_reading import ReadWish, read_wish
from tfprompt.prompts.segments import CLOCK_FEATURES, USER, WISH

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.column import Column
    from tfprompt.data.request import Request
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.retriever import Retriever


def request_inputs(
    model: Retriever | Ranker, request: Request, read: ReadWish | None = None
) -> dict[str, Any]:
    """The inputs of one request, each with a batch of 1.

    Args:
        model: has an encoder, a catalog and an item table that is filled (`model.prepare()`).
        request: who asks for what; checked here.
        read: its wish as `read_wish` gave it; None reads it here.

    Returns:
        `states` `[1, T, D]`, `states_mask` and `order` `[1, T]`; each feature `[1]`; with a
        history `vectors` `[1, H, V]`, `ids` `[1, H, R]` or None, `items_mask` `[1, H]` and, where
        the template shows them, `ratings` `[1, H]` (NaN where unknown). The newest items are
        kept; a wish stands behind them, without id and rating.

    Raises:
        ConfigError: as `Request.check` and `read_wish`.

    Example:
        `model(request_inputs(model, Request(history=["50"])))` is the query `[1, W]`.
    """
    request.check(model.catalog, model.encoder.template)
    if read is None and request.wish:
        read = read_wish(model, request.wish)
    wanted = read.wish.wanted if read is not None else ""
    encoder, table = model.encoder, model.item_table
    # A profile may have a column of that name, which then wins.
    values = {USER: request.user, **request.values, WISH: wanted}
    users = request_frame(values, model.catalog.columns)
    items = history_texts(encoder.template, model.catalog, model.item_text)
    fields = RequestFields(encoder, model.catalog.columns, users, cache=False, items=items)
    rows, ratings = known_history(model.catalog, request)
    inputs: dict[str, Any] = dict(fields.take(np.zeros(1, int), history=rows[None]))
    room = encoder.max_history - bool(wanted)
    start = len(rows) - min(room, len(rows))
    rows, ratings = rows[start:], ratings[start:]
    vectors, ids = table(rows[None].astype(np.int32))
    if wanted and read is not None:
        vectors = np.concatenate([vectors, read.wanted[None]], axis=1)
        ratings = np.append(ratings, np.float32("nan"))
        if ids is not None:
            ids = np.concatenate([ids, np.zeros((1, 1, ids.shape[-1]), np.float32)], axis=1)
    inputs["vectors"], inputs["ids"] = vectors, ids
    # What training measured of items goes by the row.
    if any(getattr(model, part, None) is not None for part in ("bias", "together")):
        beside = np.full(vectors.shape[1] - len(rows), -1, np.int32)
        inputs["rows"] = np.concatenate([rows, beside]).astype(np.int32)[None]
    inputs["items_mask"] = np.ones(inputs["vectors"].shape[:2], bool)
    if encoder.template.shows_ratings:
        inputs["ratings"] = ratings[None]
    return inputs


def known_history(catalog: Catalog, request: Request) -> tuple[np.ndarray, np.ndarray]:
    """The items of the history that the catalog has, and their ratings.

    Args:
        catalog: the items.
        request: its history `[H]` may hold ids that the catalog lacks.

    Returns:
        Rows int32 `[h]`, oldest first, and ratings float32 `[h]`, NaN where missing.

    Example:
        `known_history(data.items, Request(history=["1", "gone"]))[0]` is `[0]`.
    """
    history = list(request.history or ())
    rows = catalog.index_of(history)
    given = request.history_ratings or [None] * len(history)
    ratings = np.array([np.nan if value is None else value for value in given], np.float32)
    return rows[rows >= 0], ratings[rows >= 0]


def request_frame(values: Mapping[str, Any], columns: Mapping[str, Column]) -> pl.DataFrame:
    """The columns of one request; what its timestamp says of the clock is among them."""
    row = dict(values)
    clocks = [name for name in CLOCK_FEATURES if name not in columns]
    moment = values.get("timestamp")
    for name in clocks:
        if row.get(name) is not None:
            row[name] = int(float(row[name]))  # a terminal gives "3"
        elif moment is not None:
            row[name] = clock(name, np.array([float(moment)]))[0]
    return pl.DataFrame({name: [value] for name, value in row.items()}, strict=False)
