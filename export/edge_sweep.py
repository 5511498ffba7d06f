"""Size, quality and speed of LiteRT files: every quantization x seam x history length.

```bash
tfprompt fit --data movielens-100k --output runs/ml --seed 0
python export/edge_sweep.py runs/ml --history 10 50 --variants plain wish
python export/edge_page.py
```

Each file is exported with k results for size and speed, and once more with all N for quality: the
test part, all items ranked, seen items excluded. Latency and memory are those of a process with
`ai_edge_litert` alone; the quantizations of one setting take turns, so that a machine's other load
meets all of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import itertools
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import tfprompt as tp
from tfprompt._files import read_json, write_json

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "edge-movielens-100k.json"
QUANTIZE = (None, "fp16", "dynamic", "int8")
THREADS = (1, 2)
_ASKED = 64


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is exported in every quantization.

    Attributes:
        run: run directory.
        variant: "plain", "wish" (takes free text too) or "beside" (the catalog outside the file).
        history: H, the past items that the file takes.
        field_tokens: word pieces of each text field; they decide the length T of the text.
    """

    run: Path
    variant: str
    history: int
    field_tokens: int

    def options(self, model: tp.Retriever) -> dict[str, Any]:
        """Arguments of the export."""
        wish = self.variant == "wish"
        longest = model.encoder.max_history - int(wish)
        return {
            "max_history": min(self.history, longest),
            "field_tokens": self.field_tokens,
            "wish": wish,
            "catalog": "beside" if self.variant == "beside" else None,
        }

    def graph(self, model: tp.Retriever) -> Any:
        """The graph whose inputs the files have."""
        from tfprompt.artifacts.litert.graph import DeviceGraph, Shapes
        from tfprompt.artifacts.litert.text import DeviceText

        options = self.options(model)
        text = DeviceText(model.encoder, self.field_tokens, 32 if options["wish"] else 0)
        return DeviceGraph(model, text, Shapes(options["max_history"], 1))


class Asked:
    """The requests of the test part as a file's inputs, and Keras' queries of every tenth."""

    def __init__(self, setting: Setting, model: tp.Retriever, split: Any) -> None:
        from tfprompt.artifacts.litert.requests import device_inputs, keras_answer, requests_of

        graph = setting.graph(model)
        requests = requests_of(graph, split.test)
        self.inputs = [device_inputs(graph, request) for request in requests]
        self.queries = {
            row: keras_answer(graph, requests[row])[0] for row in range(0, len(requests), 10)
        }

    def together(self, count: int) -> dict[str, np.ndarray]:
        """Some requests as one array an input."""
        some = self.inputs[:: max(1, len(self.inputs) // count)][:count]
        return {name: np.concatenate([inputs[name] for inputs in some]) for name in some[0]}


class FileScorer:
    """Scores all items by a file; `tp.evaluate` ranks them.

    Args:
        path: the file, with all N results or the catalog beside it.
        inputs: the arrays of each request of the part that is evaluated.
    """

    def __init__(self, path: Path, inputs: list[dict[str, np.ndarray]]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.name = path.stem
        self.inputs = inputs
        self.runner = Interpreter(str(path), num_threads=2).get_signature_runner()
        beside = path.with_name(f"{path.stem}.candidates.npy")
        self.candidates = np.load(beside) if beside.exists() else None
        self.queries: dict[int, np.ndarray] = {}

    def scores(self, requests: Any, rows: np.ndarray) -> np.ndarray:
        """Scores `[B, N]`; the history's items are hidden by the file already."""
        scores = np.full((len(rows), len(requests.catalog)), -np.inf, np.float32)
        for place, row in enumerate(rows):
            answer = self.runner(**self.inputs[row])
            self.queries[int(row)] = answer["embedding"][0]
            if self.candidates is not None:
                scores[place] = self.candidates @ answer["embedding"][0]
                continue
            found = answer["items"][0] >= 0
            scores[place, answer["items"][0][found]] = answer["scores"][0][found]
        return scores


def quality(path: Path, asked: Asked, split: Any) -> dict[str, Any]:
    """NDCG@10 and HR@10 on the test part, and the cosine of queries to Keras'."""
    scorer = FileScorer(path, asked.inputs)
    report = tp.evaluate(scorer, split.test, k=(10,), baselines=False, bootstrap=0, progress=False)
    cosines = [
        scorer.queries[row] @ query / np.linalg.norm(scorer.queries[row]) / np.linalg.norm(query)
        for row, query in asked.queries.items()
    ]
    return {
        "ndcg@10": report["ndcg@10"],
        "hr@10": report["hr@10"],
        "cosine_mean": float(np.mean(cosines)),
        "cosine_min": float(np.min(cosines)),
        "users": len(asked.inputs),
    }


def cost(
    paths: dict[str | None, Path], inputs: dict[str, np.ndarray], rounds: int, seconds: float
) -> dict[str | None, dict[str, Any]]:
    """Latency and memory of the files of one setting, measured in turn."""
    found: dict[str | None, dict[str, Any]] = {quantize: {} for quantize in paths}
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "requests.npz"
        np.savez(asked, **inputs)
        for threads in THREADS:
            taken: dict[str | None, list[dict[str, Any]]] = {quantize: [] for quantize in paths}
            for _ in range(rounds):
                for quantize, path in paths.items():
                    taken[quantize].append(_measured(path, asked, threads, seconds))
            for quantize, parts in taken.items():
                times = np.concatenate([part["ms"] for part in parts])
                found[quantize][f"threads_{threads}"] = {
                    "p50_ms": float(np.percentile(times, 50)),
                    "p99_ms": float(np.percentile(times, 99)),
                    "processor_ms": float(np.median([p["processor_ms"] for p in parts])),
                    "first_ms": float(np.median([p["first_ms"] for p in parts])),
                    "memory_bytes": int(np.median([p["memory_bytes"] for p in parts])),
                    "requests": len(times),
                }
    return found


def _measured(path: Path, asked: Path, threads: int, seconds: float) -> dict[str, Any]:
    script = Path(__file__).with_name("edge_measure.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(path), str(asked), str(threads), str(seconds)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def sweep(setting: Setting, model: tp.Retriever, run: Any, given: Any) -> list[dict[str, Any]]:
    """One row a quantization."""
    asked = Asked(setting, model, run.split)
    rows: dict[str | None, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {quantize: folder / f"{quantize}.tflite" for quantize in QUANTIZE}
        for quantize, path in paths.items():
            options = {"quantize": quantize, "check": False, "calibration": run.split.validation}
            options |= setting.options(model)
            model.export(path, format="litert", k=given.k, **options)
            said, every = read_json(path.with_suffix(".json")), path
            beside = path.with_name(f"{path.stem}.candidates.npy")
            if not beside.exists():
                every = path.with_stem(f"all-{path.stem}")
                model.export(every, format="litert", k=len(model.catalog), **options)
            rows[quantize] = {
                "run": setting.run.name,
                "template": said["template"],
                "prompt_layer": said["backbone"]["prompt_layer"],
                "layers": model.encoder.loaded.number_of_layers,
                "variant": setting.variant,
                "history": said["shapes"]["history"],
                "text": said["shapes"]["text"],
                "wish": said["shapes"]["wish"],
                "quantize": quantize,
                "bytes": said["bytes"],
                "bytes_beside": beside.stat().st_size if beside.exists() else 0,
                **quality(every, asked, run.split),
            }
            print(setting, quantize, rows[quantize], flush=True)
        measured = cost(paths, asked.together(_ASKED), given.rounds, given.seconds)
    return [{**rows[quantize], **measured[quantize]} for quantize in QUANTIZE]


def main() -> None:
    """Runs what the result file lacks."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from results import machine, versions

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="run directories of `tfprompt fit`")
    parser.add_argument("--history", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--field-tokens", type=int, nargs="+", default=[16])
    parser.add_argument("--variants", nargs="+", default=["plain"])
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    result: dict[str, Any] = {"format": 1, "benchmark": "edge", "rows": []}
    if given.output.exists():
        result = read_json(given.output)
    result |= {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions() | {"ai-edge-litert": importlib.metadata.version("ai-edge-litert")},
        "k": given.k,
        "threads": list(THREADS),
    }
    command = shlex.join(["python", "export/edge_sweep.py", *_arguments(sys.argv[1:])])
    for path in given.runs:
        run = tp.runs.Run(path)
        model = run.model()
        kept = run.evaluate(model=model, k=(10,), baselines=False, bootstrap=0)
        result["data"] = {"name": run.config.data, "items": len(model.catalog)}
        result["protocol"] = run.split.test.protocol
        for setting in itertools.starmap(
            lambda *of: Setting(path, *of),  # noqa: B023 - used within this pass
            itertools.product(given.variants, given.history, given.field_tokens),
        ):
            rows = sweep(setting, model, run, given)
            for row in rows:
                row |= {"keras_ndcg@10": kept["ndcg@10"], "command": command}
            new = {_key(row) for row in rows}
            result["rows"] = [r for r in result["rows"] if _key(r) not in new] + rows
            write_json(given.output, result)


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["run"], row["variant"], row["history"], row["text"]


def _arguments(given: list[str]) -> list[str]:
    """As a reader would type them: runs by their names, results where they belong."""
    if "--output" in given:
        at = given.index("--output")
        given = given[:at] + given[at + 2 :]
    return [f"runs/{Path(each).name}" if Path(each).is_dir() else each for each in given]


if __name__ == "__main__":
    main()
