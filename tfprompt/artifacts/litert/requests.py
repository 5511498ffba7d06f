"""Requests that a device's model is calibrated and compared with, as its inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.data.request import Request
from tfprompt.data.requests import Requests
from tfprompt.models.request_fields import as_text
from tfprompt.models.request_inputs import known_history, request_frame, request_inputs
from tfprompt.models.wish_reading import read_wish
from tfprompt.models.wishes import wish_queries
from tfprompt.prompts.segments import CLOCK_FEATURES, USER, WISH

if TYPE_CHECKING:
    from tfprompt.artifacts.litert.graph import DeviceGraph
    from tfprompt.models.retriever import Retriever

# What a request is calibrated or compared with: a part of a split, or requests, or neither.
Source = Requests | Sequence[Request] | None


def sample(graph: DeviceGraph, source: Source, count: int, seed: int = 0) -> list[Request]:
    """Some requests whose histories fit the device.

    Args:
        graph: the graph; where it takes wishes, every other request has one, the text of an item.
        source: a part of a split or requests to draw from; None makes requests up from the
            catalog and what is known of its columns.
        count: how many, at most.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    model, newest = graph.retriever, graph.shapes.history
    if source is None:
        found = [_made_up(model, newest, rng) for _ in range(count)]
    else:
        rows = rng.permutation(len(source))[:count].tolist()
        if isinstance(source, Requests):
            found = [_of_part(model, source, row) for row in rows]
        else:
            found = [source[row] for row in rows]
    texts = model.catalog.texts(model.item_text)
    fitting = []
    for place, request in enumerate(found):
        wish = request.wish
        if not graph.text.wish_length:
            wish = ""
        elif not wish and place % 2:
            wish = texts[int(rng.integers(len(texts)))]
        fitting.append(dataclasses.replace(_fitting(request, newest), wish=wish))
    return fitting


def requests_of(graph: DeviceGraph, part: Requests) -> list[Request]:
    """All requests of a part, in its order, with histories that fit the device."""
    model, newest = graph.retriever, graph.shapes.history
    return [_fitting(_of_part(model, part, row), newest) for row in range(len(part))]


def device_inputs(graph: DeviceGraph, request: Request) -> dict[str, np.ndarray]:
    """The arrays of one request, by input; see `DeviceGraph`."""
    model, text, template = graph.retriever, graph.text, graph.text.template
    wish = read_wish(model, request.wish).wish.wanted if request.wish else ""
    asked = {USER: request.user, **request.values, WISH: wish}
    frame = request_frame(asked, model.catalog.columns)
    values = {name: frame[name] for name in frame.columns}
    inputs: dict[str, np.ndarray] = {}
    for name, spec in graph.input_signature().items():
        column = graph.columns.get(name)
        shape, dtype = tuple(spec.shape), spec.dtype.as_numpy_dtype
        inputs[name] = np.full(shape, -1 if dtype == np.int32 else np.nan, dtype)
        if name in template.features and name in values and values[name][0] is not None:
            if column is None and name in CLOCK_FEATURES:
                inputs[name][0] = values[name][0]
            elif column is not None and column.kind == "category":
                inputs[name][0] = column.encode(values[name])[0] - 1
            else:
                inputs[name][0] = float(values[name][0])
    rows, ratings = known_history(model.catalog, request)
    newest = rows[-graph.shapes.history :]
    inputs["history"][0, : len(newest)] = newest
    if template.shows_ratings:
        inputs["history_ratings"][0, : len(newest)] = ratings[-graph.shapes.history :]
    if text.length:
        inputs["text"] = text.row(
            {name: as_text(values[name][0] if name in values else None) for name in template.fields}
        )
    if text.wish_length:
        inputs["wish"] = text.wish_row(wish)
    return inputs


def keras_answer(graph: DeviceGraph, request: Request) -> tuple[np.ndarray, np.ndarray]:
    """What the Keras model says to a request: `embedding` `[W]` and the history's rows `[h]`."""
    model: Any = graph.retriever
    read = read_wish(model, request.wish) if request.wish else None
    query = model(request_inputs(model, request, read))
    if graph.text.wish_length:
        empty = np.zeros((1, model.item_table.width), np.float32)
        query = wish_queries(model, query, empty if read is None else read.wanted)
    return np.asarray(query)[0], known_history(model.catalog, request)[0]


def _fitting(request: Request, newest: int) -> Request:
    """The request with the newest items of its history alone."""
    ratings = request.history_ratings
    return dataclasses.replace(
        request,
        history=list(request.history or ())[-newest:],
        history_ratings=None if ratings is None else list(ratings)[-newest:],
        exclude=(),
    )


def _of_part(model: Retriever, part: Requests, row: int) -> Request:
    """One request of a split."""
    names = {*model.encoder.template.fields, *model.encoder.template.features}
    history = part.history(row)
    ratings = None
    if part.history_ratings is not None and model.encoder.template.shows_ratings:
        kept = slice(part.history_offsets[row], part.history_offsets[row + 1])
        ratings = part.history_ratings[kept].tolist()
    known = {} if part.users is None else part.users.row(row, named=True)
    context = {name: values[row] for name, values in part.context.items() if name in names}
    if part.timestamps is not None and np.isfinite(part.timestamps[row]):
        context["timestamp"] = float(part.timestamps[row])
    profile = {name: v for name, v in known.items() if name in names and name not in context}
    return Request(
        user=str(part.user_ids[row]),
        history=part.catalog.ids[history].tolist(),
        history_ratings=ratings,
        profile=profile,
        context=context,
    )


def _made_up(model: Retriever, newest: int, rng: np.random.Generator) -> Request:
    """A request from what is known of the columns alone."""
    ids = model.catalog.ids
    count = int(rng.integers(min(newest, len(ids) - 1) + 1))
    profile: dict[str, Any] = {}
    template = model.encoder.template
    for name in sorted({*template.fields, *template.features} - {WISH}):
        column = model.catalog.columns.get(name)
        if column is None:
            profile[name] = int(rng.integers(CLOCK_FEATURES[name]))
        elif column.kind == "number":
            profile[name] = round(float(rng.normal(column.mean or 0.0, column.std or 1.0)))
        elif column.vocabulary:
            profile[name] = column.vocabulary[int(rng.integers(len(column.vocabulary)))]
    return Request(history=rng.choice(ids, count, replace=False).tolist(), profile=profile)
