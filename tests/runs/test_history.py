"""log.csv: what is read off it, and what is refused."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tfprompt.errors import CheckpointError
from tfprompt.runs.history import read_rows, standing, write_rows
from tfprompt.runs.interrupts import deferred


def _rows(*values: float) -> list[dict[str, float]]:
    return [{"epoch": float(n), "val_ndcg_at_10": value} for n, value in enumerate(values, start=1)]


def test_standing_by_hand() -> None:
    state = standing(_rows(0.1, 0.3, 0.2, 0.3))
    assert (state.best_epoch, state.best, state.waited) == (2, 0.3, 2)
    assert state.finished(epochs=9, patience=2) and not state.finished(epochs=9, patience=3)
    assert state.finished(epochs=4, patience=0) and not state.finished(epochs=5, patience=0)
    assert standing([]).best_epoch == 0
    assert not standing([]).finished(epochs=1, patience=1)


def test_every_digit_comes_back(tmp_path: Path) -> None:
    rows = _rows(1 / 3, 0.1 + 0.2)
    write_rows(tmp_path / "log.csv", rows)
    assert read_rows(tmp_path / "log.csv") == rows
    assert read_rows(tmp_path / "none.csv") == []


@pytest.mark.parametrize(
    "text",
    ["epoch,val_ndcg_at_10\n1,abc\n", "epoch,val_ndcg_at_10\n2,0.1\n", "epoch\n1\n",
     "epoch,val_ndcg_at_10\n1\n"],
)  # fmt: skip
def test_a_damaged_log(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(CheckpointError, match="log.csv must hold"):
        read_rows(tmp_path / "log.csv")


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):
        with deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("written to the end")
        done.append("never")
    assert done == ["written to the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
