"""Result files: what was run, on what, and the summary over seeds; written whole or not at all."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tfprompt
from tfprompt._files import read_json, write_json
from tfprompt.data import Dataset
from tfprompt.evaluation import Report, summarise_seeds

PACKAGES = ("tensorflow", "keras", "keras-hub", "tensorflow-recommenders", "numpy", "polars")
# Of each run; a summary has their means.
COSTS = ("seconds", "processor_seconds", "epoch_seconds", "epochs", "peak_memory_bytes")
Result = dict[str, Any]


def machine() -> dict[str, Any]:
    """The processor, its cores, and what the figures of speed depend on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].split(":", 1)[1].strip() if named else model
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "ONEDNN_DEFAULT_FPMATH_MODE": os.environ.get("ONEDNN_DEFAULT_FPMATH_MODE", "unset"),
    }


def versions() -> dict[str, str]:
    """Versions of what computes, and a hash of tfprompt's own sources."""
    digest = hashlib.sha256()
    root = Path(tfprompt.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "tfprompt": tfprompt.__version__,
        "tfprompt sources": digest.hexdigest(),
        **found,
    }


def command() -> str:
    """How the script was started."""
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def origin() -> dict[str, Any]:
    """What makes a run. Take it before a long one: a source file may change meanwhile."""
    return {"command": command(), "machine": machine(), "versions": versions()}


def now() -> str:
    """The time of a run, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def describe_data(data: Dataset) -> dict[str, Any]:
    """What a result file says of its data."""
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "users": len(data.user_ids),
        "items": len(data.items),
        "events": data.interactions.height,
    }


def start(path: Path, header: Result) -> Result:
    """The results so far, or new ones.

    Raises:
        SystemExit: the file is about other data.
    """
    if not path.exists():
        return {**header, "runs": [], "summary": {}}
    found = read_json(path)
    if found["data"] != header["data"] or found["split"] != header["split"]:
        raise SystemExit(f"{path} is about other data or another split; choose another --output.")
    # Runs, summary, and what a benchmark keeps beside them, as the trials that it chose by.
    return {**found, **header}


def finished(result: Result, row: str, seed: int, recipe: dict[str, Any]) -> bool:
    """Whether that run is there, with that very recipe."""
    return any(
        (run["row"], run["seed"], run["recipe"]) == (row, seed, recipe) for run in result["runs"]
    )


def add(path: Path, result: Result, run: Result) -> None:
    """Puts a run in, in place of an older one of the same row and seed, and writes the file."""
    same = (run["row"], run["seed"])
    result["runs"] = [r for r in result["runs"] if (r["row"], r["seed"]) != same] + [run]
    result["summary"] = {
        row: _summary([r for r in result["runs"] if r["row"] == row])
        for row in dict.fromkeys(r["row"] for r in result["runs"])
    }
    write_json(path, result)


def best_content(result: Result) -> str | None:
    """The untrained content baseline that is best on validation."""
    found = {r["row"]: r["validation"]["ndcg@10"] for r in result["runs"]}
    rows = [row for row in found if row.startswith("content-")]
    return max(rows, key=found.__getitem__, default=None)


def _summary(runs: list[Result]) -> Result:
    """Mean, deviation and t interval of each measure over the seeds that share one recipe."""
    runs = [run for run in runs if run["recipe"] == runs[-1]["recipe"]]
    summary = summarise_seeds([_report(run["test"]) for run in runs])
    summary["seeds"] = [run["seed"] for run in runs]
    summary["validation_ndcg@10"] = float(np.mean([r["validation"]["ndcg@10"] for r in runs]))
    for name in COSTS:
        if name in runs[-1]:
            summary[name] = float(np.mean([run[name] for run in runs]))
    for name in ("parameters", "checkpoint_bytes", "template", "backbone"):
        if name in runs[-1]:
            summary[name] = runs[-1][name]
    if all("ratio_to_content" in run for run in runs):
        ratios = [run["ratio_to_content"] for run in runs]
        summary["ratio_to_content"] = {
            name: float(np.mean([ratio[name] for ratio in ratios]))
            for name in ("content", "ratio", "low", "high")
        }
    return summary


def _report(test: Result) -> Report:
    """As much of a report as a summary reads; the arrays by user are not kept."""
    none = np.zeros(0)
    measures = {key: test[key] for key in test if "@" in key or key == "mrr"}
    return Report(
        name=test["name"],
        measures=measures,
        interval={},
        n_items=test["n_items"],
        n_users=test["n_users"],
        n_requests=test["n_requests"],
        protocol=test["protocol"],
        k=tuple(test["k"]),
        resamples=0,
        seed=0,
        fingerprint=test["fingerprint"],
        settings={},
        user_ids=none,
        per_user={},
        ranks=none.astype(np.int64),
        rank_offsets=none.astype(np.int64),
    )
