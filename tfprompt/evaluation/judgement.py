"""The result of `judge`: numbers about judged pairs, with what was judged and how."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfprompt._files import write_json
from tfprompt.evaluation._printing import blocks, described
from tfprompt.evaluation.judged_measures import LOWER_IS_BETTER
from tfprompt.evaluation.statistics import Statistic

TIES = "equal predictions count half in an AUC, in the worst order in NDCG"


@dataclass(frozen=True, eq=False, repr=False)
class Judgement(Mapping[str, Any]):
    """Measures of one model over E judged pairs, with intervals and baselines.

    Read it like a dictionary (`judgement["rmse"]`, `judgement["interval"]["auc"]`,
    `judgement["baselines"]["rating_bias"]["rmse"]`), print it as a table, or write it as JSON.

    Attributes:
        name: of the model.
        measures: see `judged_measures`; one that the data leaves undefined is missing (no request
            with two different ratings: no `ndcg`).
        interval: 95 % bootstrap interval over users of each measure; none where `bootstrap=0`.
        n_pairs: E, the targets that have a rating.
        n_users: U, users with such a target.
        n_requests: requests with such a target.
        without_rating: targets that were left out because they have none.
        like: from this rating on a pair is liked; None where ratings were judged.
        liked: share of the pairs that are liked; None likewise.
        protocol: how requests were made.
        resamples: of the bootstrap; 0 = no intervals.
        seed: of the bootstrap.
        fingerprint: sha256 over catalog, users, histories, targets and all their ratings.
        settings: the model's own description of itself, for example a baseline's parameters.
        statistics: each measure as a function of the weights of the U users, for resamples; not
            written to JSON.
        predictions: float64, one for each target of the requests; not written to JSON.
        baselines: their judgements, by name.

    Example:
        ```python
        judgement = tp.judge(model, split.test, like=4.0)
        print(judgement)
        judgement.save("results/likes.json")
        ```
    """

    name: str
    measures: dict[str, float]
    interval: dict[str, tuple[float, float]]
    n_pairs: int
    n_users: int
    n_requests: int
    without_rating: int
    like: float | None
    liked: float | None
    protocol: str
    resamples: int
    seed: int
    fingerprint: str
    settings: dict[str, Any]
    statistics: dict[str, Statistic]
    predictions: NDArray[np.float64]
    baselines: dict[str, Judgement] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        """A measure by name, or one of the keys of `to_dict`; baselines stay judgements."""
        try:
            return self._entries()[key]
        except KeyError:
            raise KeyError(
                f"A judgement has the keys {', '.join(self._entries())}. Received: {key!r}. "
                "Ratings have rmse, mae, ndcg; likes (judge(..., like=4.0)) have auc, user_auc, "
                "log_loss, calibration_error, ndcg; a measure that is undefined is left out."
            ) from None

    def __iter__(self) -> Iterator[str]:
        """The keys: measures first."""
        return iter(self._entries())

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._entries())

    def to_dict(self) -> dict[str, Any]:
        """Everything but functions and arrays, in types that JSON has."""
        entries = self._entries()
        entries["interval"] = {name: list(ends) for name, ends in self.interval.items()}
        entries["baselines"] = {name: each.to_dict() for name, each in self.baselines.items()}
        return entries

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes `to_dict()` as JSON, atomically."""
        write_json(path, self.to_dict())

    def __repr__(self) -> str:
        """The table, so that a notebook's last line shows it."""
        return str(self)

    def __str__(self) -> str:
        """An aligned table: the model, then its baselines; measure ± half of the interval."""
        models = [self, *self.baselines.values()]
        left_out = f"; {self.without_rating:,} without a rating left out"
        lines = [
            f"{self.n_pairs:,} judged pairs of {self.n_users:,} users"
            f"{left_out if self.without_rating else ''}",
            f"protocol: {self.protocol}",
            f"truth: {self._truth()}",
            f"ties: {TIES}; ±: {self._spread()}",
        ]
        columns = [[""] + [model.name for model in models]]
        columns += [[_arrow(name)] + [m._cell(name) for m in models] for name in self.measures]
        said = [f"{m.name}: {described(m.settings)}" for m in models if m.settings]
        return "\n".join([*lines, *blocks(columns), *([""] if said else []), *said])

    def _truth(self) -> str:
        if self.like is None:
            return "the rating"
        return f"liked = rated {self.like:g} or more ({self.liked:.1%} of the pairs)"

    def _spread(self) -> str:
        if not self.interval:
            return "no intervals"
        return f"half the 95 % interval, {self.resamples:,} bootstrap resamples of users"

    def _entries(self) -> dict[str, Any]:
        return {
            **self.measures,
            "name": self.name,
            "n_pairs": self.n_pairs,
            "n_users": self.n_users,
            "n_requests": self.n_requests,
            "without_rating": self.without_rating,
            "like": self.like,
            "liked": self.liked,
            "protocol": self.protocol,
            "ties": TIES,
            "bootstrap": {"resamples": self.resamples, "seed": self.seed, "unit": "user"},
            "fingerprint": self.fingerprint,
            "settings": self.settings,
            "interval": self.interval,
            "baselines": self.baselines,
        }

    def _cell(self, name: str) -> str:
        value = f"{self.measures[name]:.4f}"
        if name not in self.interval:
            return value
        low, high = self.interval[name]
        return f"{value} ±{(high - low) / 2:.4f}"


def _arrow(name: str) -> str:
    return f"{name} {'↓' if name in LOWER_IS_BETTER else '↑'}"
