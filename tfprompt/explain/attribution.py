"""What raised or lowered one item's score."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfprompt.explain.report import Bar, Bars, Report, Shown


@dataclasses.dataclass(frozen=True)
class Share:
    """What one word, past item or prompt vector gave to a score.

    Attributes:
        segment: the segment of the template, or "wish" for what its text adds beside the template.
        label: the word, the item's title, the number of the vector.
        trained: its share of the trained score.
        similarity: its share of the untrained similarity of texts.
    """

    segment: str
    label: str
    trained: float
    similarity: float = 0.0

    @property
    def value(self) -> float:
        """Both together."""
        return self.trained + self.similarity

    def with_more(self, other: Share | None) -> Share:
        """The two together under this one's name, as the pieces of a word; None adds nothing."""
        if other is None:
            return self
        trained, similarity = self.trained + other.trained, self.similarity + other.similarity
        return Share(self.segment, self.label, trained, similarity)


@dataclasses.dataclass(frozen=True, repr=False)
class Attribution(Shown):
    """Why an item has its score: `score` is `baseline` plus the shares, up to `error`.

    Attributes:
        item_id: the item.
        title: what it is called.
        rather_than: the item it is compared with; then `score` is by how much it scores above
            that one. None for none.
        score: the model's own score of the item for the request.
        baseline: the score where the request says nothing.
        shares: in the order of the template, the wish last.
        steps: points at which gradients were taken.
        error: how far the shares' sum is from `score - baseline`.
        tolerance: the error that was aimed at.
    """

    item_id: str
    title: str
    rather_than: str | None
    score: float
    baseline: float
    shares: tuple[Share, ...]
    steps: int
    error: float
    tolerance: float

    @property
    def complete(self) -> bool:
        """Whether the shares add up to within the tolerance."""
        return self.error <= self.tolerance

    @property
    def segments(self) -> tuple[Share, ...]:
        """The shares of whole segments, in the order of the template."""
        found: dict[str, Share] = {}
        for share in self.shares:
            whole = dataclasses.replace(share, label=share.segment)
            found[share.segment] = whole.with_more(found.get(share.segment))
        return tuple(found.values())

    def report(self) -> Report:
        """Shares of segments, then of single words, items and vectors."""
        state = "within" if self.complete else "NOT within"
        lines = (
            f"{self._item()} scores {self._score(self.score)} for this request, and "
            f"{self._score(self.baseline)} for one that says nothing: a difference of "
            f"{self.score - self.baseline:+.4f}.",
            f"The shares below add up to that difference but for {self.error:.1e}, {state} the "
            f"tolerance of {self.tolerance:.1e} (integrated gradients at {self.steps} points).",
        )
        bars = Bars(
            "By segment of the template",
            tuple(Bar(s.label, s.value, detail=_detail(s)) for s in self.segments),
            "Above zero: it raised the score. Below: it lowered it.",
        )
        single = tuple(Bar(s.label, s.value, s.segment, _detail(s)) for s in self.shares)
        sections = (bars, Bars("By word, past item and prompt vector", single))
        return Report(f"Why {self.title}", lines, sections)

    def _item(self) -> str:
        """The item with its id, and the one it is compared with."""
        if self.rather_than is None:
            return f"{self.title} (item {self.item_id})"
        return f"{self.title} (items {self.item_id} and {self.rather_than})"

    def _score(self, value: float) -> str:
        """A score, or how far it is above or below the other item's."""
        if self.rather_than is None:
            return f"{value:.4f}"
        return f"{abs(value):.4f} {'more' if value >= 0 else 'less'}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "item_id": self.item_id,
            "title": self.title,
            "rather_than": self.rather_than,
            "score": self.score,
            "baseline": self.baseline,
            "error": self.error,
            "tolerance": self.tolerance,
            "steps": self.steps,
            "segments": [_row(share) for share in self.segments],
            "shares": [_row(share) for share in self.shares],
        }


def _row(share: Share) -> dict[str, Any]:
    return {**dataclasses.asdict(share), "value": share.value}


def _detail(share: Share) -> str:
    """What a share is made of, where it is made of both parts."""
    if not share.similarity:
        return ""
    return f"trained {share.trained:+.3f}, similar text {share.similarity:+.3f}"
