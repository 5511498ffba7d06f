"""Requests to warm an artifact up with, and to compare it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.signature_inputs import signature_inputs
from tfprompt.artifacts.warm_up import WarmUp
from tfprompt.data.request import Request

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.dataset import Dataset
    from tfprompt.encoders.tokenizer import TextTokenizer

# Requests of one warm-up record, and candidates of each: enough to compile what a batch needs.
_BATCH, _CANDIDATES = 4, 5


def sample_requests(data: Dataset, count: int = 16, seed: int = 0) -> list[Request]:
    """Requests of users drawn from the data, for `model.export(examples=...)`.

    Every fourth one says a wish, the title of an item, beside the history.

    Args:
        data: the data.
        count: how many.
        seed: seed of the drawing.

    Example:
        model.export("models/shop/7", examples=sample_requests(data))
    """
    rng = np.random.default_rng(seed)
    users = rng.choice(data.user_ids, size=min(count, len(data.user_ids)), replace=False)
    titles = data.items.titles()
    wishes = [titles[row] for row in rng.integers(len(titles), size=len(users))]
    return [
        Request.of(data, str(user), wish=wish if place % 4 == 3 else "")
        for place, (user, wish) in enumerate(zip(users, wishes, strict=True))
    ]


def invented_requests(catalog: Catalog, count: int = 8, seed: int = 0) -> list[Request]:
    """Requests of nobody: histories of random items, some with the title of one as a wish."""
    rng = np.random.default_rng(seed)
    titles = catalog.titles()
    found = []
    for place in range(count):
        rows = rng.choice(len(catalog), size=min(place, len(catalog) - 1), replace=False)
        wish = titles[rng.integers(len(titles))] if place % 4 == 3 else ""
        found.append(Request(history=[str(catalog.ids[row]) for row in rows], wish=wish))
    return found


def warm_up_requests(
    signatures: Mapping[str, Mapping[str, tf.TensorSpec]],
    examples: Sequence[Request],
    item_ids: Sequence[str],
    item_texts: Sequence[str],
    tokenizer: TextTokenizer,
) -> tuple[list[WarmUp], list[list[Request]]]:
    """One record a signature and kind of batch, and the requests that each is made of.

    A batch of one and one of several, with wishes and without: the parts of a graph that only
    some requests run are warmed up too.

    Args:
        signatures: inputs by name of every signature.
        examples: 1 or more requests.
        item_ids: ids of the catalog.
        item_texts: their texts.
        tokenizer: of the backbone.
    """
    plain = [request for request in examples if not request.wish] or list(examples)
    wished = [request for request in examples if request.wish]
    batches = [plain[:1], plain[:_BATCH], list(examples)]
    batches += [wished[:1]] if wished else []
    records: list[WarmUp] = []
    made_of: list[list[Request]] = []
    for name, specs in signatures.items():
        own = batches if name == "serving_default" else batches[:2]
        for place, requests in enumerate(own):
            count = len(requests)
            rows = np.arange(count * _CANDIDATES).reshape(count, -1) % len(item_ids)
            others: dict[str, Any] = {
                "k": [0 if place % 2 else 10] * count,
                "candidates": [["", *(item_ids[row] for row in some)] for some in rows],
                "item_id": [item_ids[row] if row % 2 else "" for row in rows[:, 0]],
                "text": [item_texts[row] for row in rows[:, 0]],
            }
            inputs = signature_inputs(specs, requests, tokenizer, **others)
            records.append(WarmUp(name, inputs))
            made_of.append(list(requests))
    return records, made_of
