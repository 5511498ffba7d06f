"""What an artifact does when it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfprompt.artifacts.lint.operations import check_operations
from tfprompt.artifacts.lint.report import Check
from tfprompt.errors import ExportError

_SCRIPT = Path(__file__).with_name("clean_process.py")
_TIMEOUT_S = 900

# Outputs by request of the warm-up file: name of the output to its array.
Outputs = list[dict[str, np.ndarray]]


class Ran(NamedTuple):
    """What a clean process saw.

    Attributes:
        result: its findings.
        outputs: the outputs of every request that it ran, in the order of the warm-up file.
    """

    result: dict[str, Any]
    outputs: Outputs


def run_in_clean_process(directory: Path) -> Ran:
    """Loads an artifact and runs every signature in a process without this package.

    Raises:
        ExportError: the process died.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "outputs.npz"
        done = subprocess.run(
            # Isolated: neither the working directory nor the user's packages are on the path.
            [sys.executable, "-I", str(_SCRIPT), str(directory.resolve()), str(file)],
            capture_output=True, text=True, cwd=folder, timeout=_TIMEOUT_S, env=environment,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise ExportError(
                f"The process that runs the artifact ended with {done.returncode}: {last[:300]}"
            )
        result = json.loads(done.stdout)
        outputs: Outputs = [{} for _ in result["runs"]]
        if file.exists():
            with np.load(file, allow_pickle=False) as arrays:
                for key in arrays.files:
                    place, _, name = key.partition("/")
                    outputs[int(place)][name] = arrays[key]
    return Ran(result, outputs)


def check_runs(ran: Ran | None, skipped: str = "") -> list[Check]:
    """What the outputs of all requests say.

    Args:
        ran: what a clean process saw, None where it was not asked.
        skipped: why it was not.
    """
    result: dict[str, Any] = {"runs": [], "error": "", "unknown": []} if ran is None else ran.result
    runs = result["runs"]
    errors = [f"{r['signature']}: {r['error']}" for r in runs if r["error"]]
    if result["error"]:
        errors = [f"loading: {result['error']}"]
    if result["unknown"]:
        errors = ["it cannot be loaded: see operations"]

    def of(kind: str) -> tuple[str, ...]:
        lines = [f"{r['signature']}: {line}" for r in runs for line in r["found"].get(kind, ())]
        return tuple(dict.fromkeys(lines))

    not_run, skipped = skipped, skipped or ("" if runs else "it does not load")
    return [
        check_operations(result["unknown"], not_run),
        Check(
            "runs",
            "every signature runs where only TensorFlow and TensorFlow Text are",
            tuple(dict.fromkeys(errors)),
            "What fails here fails on the server. Remove what needs other packages, and try the "
            "request again: tf.saved_model.load(DIRECTORY).signatures[NAME](...).",
            not_run,
        ),
        Check(
            "batch",
            "every output has a row for each row of the request",
            of("batch"),
            "Give one value a row: row format and batching cut all outputs by their first "
            "dimension.",
            skipped,
        ),
        Check(
            "finite",
            "no output is NaN or infinite",
            of("finite"),
            "JSON has no NaN: replace it before it leaves, tf.where(tf.math.is_finite(x), x, 0).",
            skipped,
        ),
        Check(
            "text",
            "string outputs are UTF-8",
            of("text"),
            "Name outputs of bytes NAME_bytes: REST then sends them as base64.",
            skipped,
        ),
        Check(
            "rows",
            "a row's answer does not depend on the other rows",
            of("rows"),
            "A batching server puts strangers into one batch: compute each row by itself.",
            skipped,
        ),
        Check(
            "padding",
            "lists filled up with their first element give the same answer",
            of("padding"),
            "A batching server pads so (pad_variable_length_inputs): ignore the padding value "
            "wherever it stands.",
            skipped,
        ),
    ]


def check_parity(outputs: Outputs, expect: Callable[[Outputs], Sequence[str]]) -> Check:
    """The answers are those of Keras.

    Args:
        outputs: what the artifact answered.
        expect: gives a line for each answer that Keras would not give.
    """
    return Check(
        "parity",
        "the answers are those of the Keras model",
        tuple(expect(outputs)),
        "The graph and the model differ; please report this with the model's options.",
    )
