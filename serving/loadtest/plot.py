"""A run as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from loadtest.measures import OK, PERCENTILES, Outcome
from tfprompt._files import atomic_write


def plot(
    path: str | os.PathLike[str],
    steps: Sequence[dict[str, Any]],
    last: Sequence[Outcome],
    limit_ms: float | None = None,
) -> None:
    """Writes percentiles by rate, and the last step's latencies over its time, as PNG.

    Args:
        path: where to.
        steps: summaries.
        last: outcomes of the last step.
        limit_ms: is drawn as a line.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    answered = [step for step in steps if step["latency_ms"]]
    for percent in PERCENTILES:
        name = f"p{percent:g}"
        rates = [step["offered_rate"] or step["achieved_rate"] for step in answered]
        left.plot(rates, [step["latency_ms"][name] for step in answered], "o-", label=name)
    if limit_ms is not None:
        left.axhline(limit_ms, color="grey", linestyle="--", label="limit")
    left.set(xlabel="requests a second", ylabel="latency (ms)", yscale="log")
    for axis in (left.yaxis.set_major_formatter, left.yaxis.set_minor_formatter):
        axis(ticker.FormatStrFormatter("%g"))
    left.legend()
    began = min(outcome.due_s for outcome in last)
    for label, wanted in (("answered", True), ("lost", False)):
        shown = [outcome for outcome in last if (outcome.code == OK) == wanted]
        right.plot(
            [outcome.due_s - began for outcome in shown],
            [1000 * outcome.latency_s for outcome in shown],
            "." if wanted else "x",
            markersize=3 if wanted else 6,
            label=f"{label} ({len(shown)})",
        )
    right.set(xlabel="intended time in the last step (s)", ylabel="latency (ms)")
    right.legend()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    pyplot.close(figure)
