"""Is one model better than another on the same requests, and by how much?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.evaluation.intervals import paired_bootstrap
from tfprompt.evaluation.report import Report


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Mapping[str, dict[str, float]]):
    """Differences of two reports, measure by measure; made by `compare`.

    Attributes:
        name: of the first model.
        other: of the second.
        differences: for each measure `difference` (first minus second), `low` and `high` (95 %
            interval) and `probability` (share of resamples in which the first is better, draws
            counting half; a bootstrap share, not a p-value).
        n_requests: R.
        resamples: of the bootstrap.
    """

    name: str
    other: str
    differences: dict[str, dict[str, float]]
    n_requests: int
    resamples: int

    def __getitem__(self, measure: str) -> dict[str, float]:
        """The difference in one measure."""
        return self.differences[measure]

    def __iter__(self) -> Iterator[str]:
        """The measures."""
        return iter(self.differences)

    def __len__(self) -> int:
        """Number of measures."""
        return len(self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON has."""
        return {
            "name": self.name,
            "other": self.other,
            "n_requests": self.n_requests,
            "resamples": self.resamples,
            "differences": {name: dict(each) for name, each in self.differences.items()},
        }

    def __repr__(self) -> str:
        """The table."""
        return str(self)

    def __str__(self) -> str:
        """One line per measure."""
        width = max(map(len, self.differences))
        lines = [
            f"{self.name} minus {self.other}, {self.n_requests:,} requests, paired bootstrap over "
            f"users ({self.resamples:,} resamples)"
        ]
        lines += [
            f"{name.ljust(width)}  {each['difference']:+.4f}  "
            f"[{each['low']:+.4f}, {each['high']:+.4f}]  better in {each['probability']:.1%}"
            for name, each in self.differences.items()
            # With one target per request recall is the hit rate: said once.
            if not (
                name.startswith("recall@")
                and each == self.differences.get(name.replace("recall@", "hr@"))
            )
        ]
        return "\n".join(lines)


def compare(
    report_a: Report, report_b: Report, *, bootstrap: int = 1000, seed: int = 0
) -> Comparison:
    """Compares two models on the same requests by a paired bootstrap over users.

    Args:
        report_a: of the first model.
        report_b: of the second, or a baseline: `report_a.baselines["item_knn"]`.
        bootstrap: number of resamples.
        seed: of the resamples.

    Returns:
        The difference, its 95 % interval and the probability, for each measure that both have.

    Raises:
        ConfigError: the reports are about different requests, or share no measure.

    Example:
        ```python
        report = tp.evaluate(model, split.test)
        compare(report, report.baselines["popularity"])["ndcg@10"]["low"] > 0
        ```
    """
    if report_a.fingerprint != report_b.fingerprint:
        raise ConfigError(
            "A comparison needs two reports about the same requests. Received: "
            f"{report_a.n_requests} requests ({report_a.protocol}) and {report_b.n_requests} "
            f"({report_b.protocol}). Evaluate both models on one split."
        )
    names = [name for name in report_a.per_user if name in report_b.per_user]
    if not names:
        raise ConfigError(
            "A comparison needs a measure that both reports have. Received: "
            f"{list(report_a.per_user)} and {list(report_b.per_user)}. Evaluate with the same k."
        )
    first, second = (
        np.stack([report.per_user[name] for name in names], axis=1)
        for report in (report_a, report_b)
    )
    found = paired_bootstrap(first, second, report_a.user_ids, resamples=bootstrap, seed=seed)
    return Comparison(
        name=report_a.name,
        other=report_b.name,
        differences={
            name: {key: float(values[column]) for key, values in found.items()}
            for column, name in enumerate(names)
        },
        n_requests=report_a.n_requests,
        resamples=bootstrap,
    )
