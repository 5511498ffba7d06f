"""What an artifact answers beside what its model answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.artifacts.warm_up import WarmUp
from tfprompt.data.request import Request
from tfprompt.models.recommending import best_of
from tfprompt.models.wish_reading import ReadWish, text_vector
from tfprompt.prompts.wish import Wish

if TYPE_CHECKING:
    from tfprompt.models.recommender import Recommender
    from tfprompt.models.retriever import Retriever

# Standardising scores of two stages divides their rounding by their spread.
TOLERANCE = 1e-4


@dataclasses.dataclass
class Parity:
    """Compares the lists of an artifact with those of its model, and counts.

    Args:
        model: a retriever or recommender.
        records: the warm-up requests that the artifact answered.
        made_of: the requests of each.
        exact: the same items are asked for; a catalog in fewer bytes only has its recall measured.

    Attributes:
        compared: lists that were compared.
        largest_difference: of two scores of the same item.
        recall: share of the model's items that the artifact gives, over all lists.
    """

    model: Retriever | Recommender
    records: Sequence[WarmUp]
    made_of: Sequence[Sequence[Request]]
    exact: bool = True
    compared: int = 0
    largest_difference: float = 0.0
    recall: float = 1.0
    _lists: dict[tuple[int, int], Any] = dataclasses.field(default_factory=dict, repr=False)

    def __call__(self, outputs: Sequence[dict[str, np.ndarray]]) -> list[str]:
        """A line for each list that the model would not give."""
        found, shares = [], []
        for record, requests, answer in zip(self.records, self.made_of, outputs, strict=False):
            if record.signature != "serving_default" or "item_ids" not in answer:
                continue
            for row, request in enumerate(requests):
                items, scores = _given(answer, row)
                expected, values = self._expected(request, len(items))
                shares.append(len(set(items) & set(expected)) / max(len(expected), 1))
                if self.exact:
                    found += self._line(request, (items, scores), (expected, values))
        self.compared = len(shares)
        self.recall = float(np.mean(shares)) if shares else 1.0
        return found

    def _expected(self, request: Request, k: int) -> tuple[list[str], np.ndarray]:
        """The model's own list, its wish read as the artifact reads it: as it is."""
        # Records share requests, and a list takes a tenth of a second.
        if (known := self._lists.get((id(request), k))) is not None:
            return known
        retriever: Any = getattr(self.model, "retriever", self.model)
        read = None
        if request.wish:
            vector = text_vector(retriever, request.wish)
            nothing = np.zeros((0, vector.shape[1]), np.float32)
            read = ReadWish(Wish(request.wish), vector, nothing)
        rows, values = best_of(self.model, request, read, k)
        found = [str(self.model.catalog.ids[row]) for row in rows], values
        self._lists[id(request), k] = found
        return found

    def _line(self, request: Request, answer: Any, expected: Any) -> list[str]:
        """What differs in one list, one line at most."""
        (items, scores), (wanted, values) = answer, expected
        if len(items) != len(wanted):
            return [f"{len(items)} items instead of {len(wanted)} for {_shown(request)}"]
        difference = float(np.max(np.abs(scores - values), initial=0.0))
        self.largest_difference = max(self.largest_difference, difference)
        if difference > TOLERANCE:
            return [f"scores differ by {difference:.2g} for {_shown(request)}"]
        # Scores that are equal but for rounding may stand in either order.
        wrong = [
            place
            for place, (item, other) in enumerate(zip(items, wanted, strict=True))
            if item != other and not _tied(values, place)
        ]
        return [f"other items at places {wrong[:5]} for {_shown(request)}"] if wrong else []


def _given(answer: dict[str, np.ndarray], row: int) -> tuple[list[str], np.ndarray]:
    items = [str(item) for item in answer["item_ids"][row] if item]
    return items, answer["scores"][row][: len(items)].astype(np.float64)


def _tied(values: np.ndarray, place: int) -> bool:
    near = np.abs(values - values[place]) <= 2e-6 * max(1.0, float(np.abs(values[place])))
    return int(near.sum()) > 1


def _shown(request: Request) -> str:
    history = list(request.history or ())
    return f"history {history[-3:]} of {len(history)}, wish {request.wish[:40]!r}"
