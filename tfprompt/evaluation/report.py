"""The result of an evaluation: numbers that never travel without N and the protocol."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfprompt._files import write_json
from tfprompt.evaluation._printing import blocks, described

TIES = "a tie is never a hit"


@dataclass(frozen=True, eq=False, repr=False)
class Report(Mapping[str, Any]):
    """Measures of one model over R requests, with intervals and baselines.

    Read it like a dictionary (`report["ndcg@10"]`, `report["interval"]["ndcg@10"]`,
    `report["baselines"]["popularity"]["hr@10"]`), print it as a table, or write it as JSON.

    Attributes:
        name: of the model.
        measures: mean of each measure over the requests, and `coverage@k`.
        interval: 95 % bootstrap interval over users of each mean; none for coverage, which is no
            mean over users, and none where `bootstrap=0`.
        n_items: N, all of which are ranked.
        n_users: number of distinct users.
        n_requests: R.
        protocol: how requests were made and which items were candidates.
        k: list lengths.
        resamples: of the bootstrap; 0 = no intervals.
        seed: of the bootstrap.
        fingerprint: sha256 over catalog, users, histories and targets.
        settings: the scorer's own description of itself, for example a baseline's parameters.
        baselines: their reports, by name.
        user_ids: [R], whose request it is.
        per_user: each measure per request, float64 [R]; not written to JSON.
        ranks: int64 [E], the rank of every target; not written to JSON.
        rank_offsets: int64 [R+1].

    Example:
        ```python
        report = tp.evaluate(model, split.test)
        print(report)
        report.save("results/movielens.json")
        ```
    """

    name: str
    measures: dict[str, float]
    interval: dict[str, tuple[float, float]]
    n_items: int
    n_users: int
    n_requests: int
    protocol: str
    k: tuple[int, ...]
    resamples: int
    seed: int
    fingerprint: str
    settings: dict[str, Any]
    user_ids: NDArray[Any]
    per_user: dict[str, NDArray[np.float64]]
    ranks: NDArray[np.int64]
    rank_offsets: NDArray[np.int64]
    baselines: dict[str, Report] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        """A measure by name, or one of the keys of `to_dict`; baselines stay reports."""
        try:
            return self._entries()[key]
        except KeyError:
            raise KeyError(
                f"A report has the keys {', '.join(self._entries())}. Received: {key!r}. Other "
                "list lengths: evaluate(..., k=(5, 10, 50))."
            ) from None

    def __iter__(self) -> Iterator[str]:
        """The keys: measures first."""
        return iter(self._entries())

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._entries())

    def to_dict(self) -> dict[str, Any]:
        """Everything but the per-user arrays, in types that JSON has."""
        entries = self._entries()
        entries["interval"] = {name: list(ends) for name, ends in self.interval.items()}
        entries["k"] = list(self.k)
        entries["baselines"] = {name: each.to_dict() for name, each in self.baselines.items()}
        return entries

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes `to_dict()` as JSON, atomically."""
        write_json(path, self.to_dict())

    def __repr__(self) -> str:
        """The table, so that a notebook's last line shows it."""
        return str(self)

    def __str__(self) -> str:
        """An aligned table: the model, then its baselines; mean ± half of the interval."""
        models = [self, *self.baselines.values()]
        lines = [
            f"{self.n_requests:,} requests of {self.n_users:,} users, N = {self.n_items:,} items",
            f"protocol: {self.protocol}",
            f"ties: {TIES}; ±: {self._spread()}",
        ]
        idle = [str(cut) for cut in self.k if cut >= self.n_items]
        if idle:
            lines.append(
                f"note: k = {', '.join(idle)} is the whole catalog; such a measure says nothing"
            )
        columns = [[""] + [model.name for model in models]]
        columns += [[name] + [model._cell(name) for model in models] for name in self._shown()]
        said = [f"{m.name}: {described(m.settings)}" for m in models if m.settings]
        return "\n".join([*lines, *blocks(columns), *([""] if said else []), *said])

    def _spread(self) -> str:
        if not self.interval:
            return "no intervals"
        return f"half the 95 % interval, {self.resamples:,} bootstrap resamples of users"

    def _entries(self) -> dict[str, Any]:
        return {
            **self.measures,
            "name": self.name,
            "n_items": self.n_items,
            "n_users": self.n_users,
            "n_requests": self.n_requests,
            "protocol": self.protocol,
            "ties": TIES,
            "k": self.k,
            "bootstrap": {"resamples": self.resamples, "seed": self.seed, "unit": "user"},
            "fingerprint": self.fingerprint,
            "settings": self.settings,
            "interval": self.interval,
            "baselines": self.baselines,
        }

    def _shown(self) -> list[str]:
        # With one target per request recall is the hit rate; a second column would say nothing.
        single = len(self.ranks) == self.n_requests
        return [name for name in self.measures if not (single and name.startswith("recall@"))]

    def _cell(self, name: str) -> str:
        value = f"{self.measures[name]:.4f}"
        if name not in self.interval:
            return value
        low, high = self.interval[name]
        return f"{value} ±{(high - low) / 2:.4f}"
