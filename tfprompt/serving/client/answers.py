"""Answers as a program reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfprompt.errors import ServingError
from tfprompt.serving.client.requests import CANDIDATES, Request
from tfprompt.serving.signature import Signature


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What one call gave: arrays by name, and the version that computed them.

    Args:
        arrays: text as bytes objects.
        version: None over REST, which does not tell it.
    """

    arrays: Mapping[str, np.ndarray]
    version: int | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise ServingError(
                f"The answer has no output {name!r}. Received: {', '.join(sorted(self.arrays))}.",
                "UNIMPLEMENTED",
                name,
            )
        return self.arrays[name]


@dataclasses.dataclass(frozen=True)
class ScoredItem:
    """One item of a list.

    Args:
        item_id: as in the catalog.
        score: the model's, higher is better.
        title: "" where the model gives none.
    """

    item_id: str
    score: float
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Recommendations:
    """The list for one request, best first; iterates over its items.

    Args:
        items: at most k.
        version: of the model, None over REST.
    """

    items: tuple[ScoredItem, ...]
    version: int | None = None

    @property
    def item_ids(self) -> list[str]:
        """Ids alone."""
        return [item.item_id for item in self.items]

    def __iter__(self) -> Iterator[ScoredItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What a server tells about the model it would use.

    Args:
        name: of the model.
        version: its number.
        signatures: by name.
    """

    name: str
    version: int
    signatures: Mapping[str, Signature]


def read_recommendations(outputs: Outputs, requests: Sequence[Request]) -> list[Recommendations]:
    """One list for each request: its own k, without the empty places at the end."""
    ids, scores = outputs["item_ids"], outputs["scores"]
    titles = outputs.arrays.get("titles")
    lists = []
    for row, request in enumerate(requests):
        end = ids.shape[1] if request.k is None else request.k
        items = tuple(
            ScoredItem(
                _text(ids[row, place]),
                float(scores[row, place]),
                "" if titles is None else _text(titles[row, place]),
            )
            for place in range(min(end, ids.shape[1]))
            if ids[row, place]
        )
        lists.append(Recommendations(items, outputs.version))
    return lists


def read_scores(outputs: Outputs, requests: Sequence[Request]) -> list[list[float]]:
    """The score of each candidate, in the order of the request."""
    scores = outputs["scores"]
    return [
        [float(score) for score in scores[row, : len(getattr(request, CANDIDATES))]]
        for row, request in enumerate(requests)
    ]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
