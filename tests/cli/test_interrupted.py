"""Real processes, real signals: what is kept is usable, and training goes on from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli
from tests.runs.toy import command_line

ROOT = Path(__file__).parents[2]


def _start(words: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # set by this process, which imports tfprompt
    return subprocess.Popen(
        [sys.executable, "-m", "tfprompt.cli.main", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_signal_keeps_the_best_checkpoint(
    number: int, status: int, settings: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    run = tmp_path / "run"
    words = command_line({**settings, "epochs": 500, "patience": 0})
    process = _start(["fit", "--output", str(run), *words])
    assert process.stderr is not None
    lines = []
    for line in process.stderr:  # a line an epoch
        lines.append(line)
        if line.startswith("epoch 2/"):
            break
    process.send_signal(number)
    began = time.monotonic()
    out, rest = process.communicate(timeout=60)
    assert process.returncode == status, "".join(lines) + rest
    assert time.monotonic() - began < 30
    assert out == "" and "Traceback" not in rest
    # Nothing of TensorFlow's own on the way, and one line at the end that says how to go on.
    assert all(line.startswith(("started", "epoch")) for line in lines), lines
    last = rest.splitlines()[-1]
    assert "best checkpoint is kept" in last and f"tfprompt fit --resume {run}" in last
    assert not list(run.glob("checkpoint/.*"))
    inspected = cli(capsys, "inspect", run, "--json")
    assert inspected.status == 0, inspected.err
    found = json.loads(inspected.out)
    assert found["epochs"] >= 2 and not found["finished"]
    if number == signal.SIGINT:
        recommended = cli(capsys, "recommend", run, "--user", "u1", "--json", "--k", 3)
        assert len(json.loads(recommended.out)["items"]) == 3
        going_on = cli(capsys, "fit", "--resume", run, "--stop-after", 1)
        assert going_on.status == 0 and "resumed after epoch" in going_on.err
