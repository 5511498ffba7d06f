"""Figures of a stream, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tfprompt.continual import ContinualReport, Outcome, measures
from tfprompt.errors import ConfigError

#                   stage 1  2    3
MATRIX = np.array([[0.40, 0.10, 0.05],
                   [0.30, 0.50, 0.15],
                   [0.10, 0.55, 0.60]])  # fmt: skip
UNTRAINED = np.array([0.02, 0.04, 0.06])


def outcome(seed: int, matrix: np.ndarray = MATRIX, method: str = "fine-tune") -> Outcome:
    return Outcome(
        method, seed, ("a", "b", "c"), "ndcg@10", "test", UNTRAINED, matrix, (1.0, 2.0, 3.0),
        {"rate": 0.1}, "0" * 64,
    )  # fmt: skip


def test_measures_by_hand() -> None:
    assert measures.average(MATRIX) == pytest.approx((0.10 + 0.55 + 0.60) / 3)
    # Stage 1 fell from .40 to .10; stage 2 rose from its best before the end, .50, to .55.
    assert measures.forgetting(MATRIX) == pytest.approx((0.30 - 0.05) / 2)
    assert measures.backward_transfer(MATRIX) == pytest.approx((-0.30 + 0.05) / 2)
    assert measures.forward_transfer(MATRIX, UNTRAINED) == pytest.approx(
        ((0.10 - 0.04) + (0.15 - 0.06)) / 2
    )


def test_the_best_before_the_end_counts_as_what_was_known() -> None:
    # Stage 1 was best after stage 2, not after its own training.
    matrix = np.array([[0.2, 0.0, 0.0], [0.3, 0.4, 0.0], [0.1, 0.4, 0.5]])
    assert measures.forgetting(matrix) == pytest.approx((0.2 + 0.0) / 2)
    assert measures.backward_transfer(matrix) == pytest.approx((-0.1 + 0.0) / 2)


def test_intervals_over_seeds() -> None:
    report = ContinualReport([outcome(0), outcome(1, MATRIX + 0.03)])
    average = report["average"]
    assert average["mean"] == pytest.approx(1.25 / 3 + 0.015)
    # Student's t with one degree of freedom: 12.7062 · sd / √2, sd = .03 / √2.
    assert average["high"] - average["mean"] == pytest.approx(12.7062 * 0.03 / 2, rel=1e-4)
    assert report["forgetting"]["sd"] == pytest.approx(0.0, abs=1e-12)
    text = str(report)
    assert "fine-tune: ndcg@10 on test, 2 seeds" in text
    assert "0.1150  0.5650  0.6150" in text and "forgetting" in text


def test_kept_as_json_and_drawn(tmp_path: Path) -> None:
    report = ContinualReport([outcome(0)])
    report.save(tmp_path / "report.json")
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    again = Outcome.from_dict(found["runs"][0])
    assert again.to_dict() == outcome(0).to_dict()
    assert report.plot(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    first = report.plot(tmp_path / "a.svg").read_bytes()
    assert b"<svg" in first and first == report.plot(tmp_path / "b.svg").read_bytes()
    with pytest.raises(ConfigError, match=".png or .svg"):
        report.plot(tmp_path / "a.pdf")


def test_runs_of_two_methods_are_no_seeds_of_one() -> None:
    with pytest.raises(ConfigError, match="2 runs of 2 kinds"):
        ContinualReport([outcome(0), outcome(0, method="pool")])
