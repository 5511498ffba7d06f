"""What the benchmarks of judged pairs share: result files, runs as processes, trained rankers."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import results

import tfprompt as tp
from tfprompt._files import read_json, write_json
from tfprompt.evaluation.seeds import summarise_values

RESULTS = Path(__file__).parent / "results"
Run = dict[str, Any]


def open_results(path: Path, benchmark: str, data: Any, split: dict[str, Any]) -> Run:
    """The results so far, or new ones.

    Raises:
        SystemExit: the file is about other data or another split.
    """
    header = {
        "format": 1,
        "benchmark": benchmark,
        **results.origin(),
        "data": results.describe_data(data),
        "split": split,
    }
    if not path.exists():
        return {**header, "runs": [], "summary": {}}
    found = read_json(path)
    if (found["data"], found["split"]) != (header["data"], header["split"]):
        raise SystemExit(f"{path} is about other data or another split; choose another --output.")
    return {**header, "runs": found["runs"], "summary": found["summary"]}


def run_all(
    path: Path, result: Run, plan: list[tuple[str, int, dict[str, Any]]], work: Callable[..., Run]
) -> None:
    """Runs what the file does not hold yet, each in a process of its own.

    Args:
        path: of the result file, written after each run.
        result: from `open_results`.
        plan: row, seed and recipe of each run.
        work: `work(data name, row, seed, recipe)`, importable; returns at least `test`.
    """
    for row, seed, recipe in plan:
        done = [
            r for r in result["runs"] if (r["row"], r["seed"], r["recipe"]) == (row, seed, recipe)
        ]
        if done:
            print(f"{row}, seed {seed}: already in {path}", flush=True)
            continue
        print(f"{row}, seed {seed} …", flush=True)
        origin = results.origin()
        began = time.perf_counter()
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            run = pool.submit(_timed, work, result["data"]["name"], row, seed, recipe).result()
        run |= {
            "row": row,
            "seed": seed,
            "recipe": recipe,
            "date": results.now(),
            "process_seconds": time.perf_counter() - began,
            **origin,
        }
        others = [r for r in result["runs"] if (r["row"], r["seed"]) != (row, seed)]
        result["runs"] = [*others, run]
        result["summary"] = summary(result["runs"])
        write_json(path, result)
        shown = ", ".join(f"{k} {v:.4f}" for k, v in run["test"].items() if isinstance(v, float))
        print(f"  {shown}", flush=True)


def _timed(work: Callable[..., Run], *job: Any) -> Run:
    run = work(*job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run["peak_memory_bytes"] = peak * (1 if sys.platform == "darwin" else 1024)
    return run


def summary(runs: list[Run]) -> Run:
    """Mean, deviation and Student interval over the seeds of each row that share a recipe."""
    found: Run = {}
    for row in dict.fromkeys(run["row"] for run in runs):
        same = [run for run in runs if run["row"] == row]
        same = [run for run in same if run["recipe"] == same[-1]["recipe"]]
        names = [k for k, v in same[0]["test"].items() if isinstance(v, float)]
        found[row] = {
            "seeds": [run["seed"] for run in same],
            "measures": {
                name: summarise_values([run["test"][name] for run in same])
                for name in names
                if all(name in run["test"] for run in same)
            },
            **{name: same[-1][name] for name in ("parameters", "interval") if name in same[-1]},
            **{
                name: sum(run[name] for run in same) / len(same)
                for name in ("seconds", "milliseconds_a_pair")
                if all(name in run for run in same)
            },
        }
    return found


def ranker(
    recipe: dict[str, Any], train: Any, seed: int, objective: Any, loaded: Any = None
) -> Any:
    """The compiled ranker that a recipe describes, its learning rate a cosine over all steps."""
    import keras

    from tfprompt.data import number_of_batches

    loaded = loaded or tp.encoders.load_backbone(recipe["preset"])
    encoder = tp.PromptedEncoder(loaded, recipe["template"], seed=seed, **recipe["encoder"])
    model = tp.Ranker(encoder, train.catalog, objective, seed=seed, **recipe["model"])
    steps = number_of_batches(train, window=encoder.max_history, batch_size=recipe["batch_size"])
    total = max(2, steps * recipe["epochs"])
    warm = max(1, total // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, total - warm, warmup_target=recipe["rate"], warmup_steps=warm, alpha=0.02
    )
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01, global_clipnorm=1.0))
    return model


def fit(
    model: Any,
    recipe: dict[str, Any],
    train: Any,
    validation: Any,
    monitor: str,
    mode: str,
    **options: Any,
) -> Run:
    """Trains with early stopping on a figure of validation; says what it took.

    Without a validation part it trains for all epochs of the recipe.
    """
    import keras
    from measuring import checkpoint_bytes, count_parameters

    stop = keras.callbacks.EarlyStopping(
        monitor, mode=mode, patience=recipe["patience"], restore_best_weights=True
    )
    began = time.perf_counter()
    history = model.fit(
        train, validation_data=validation, epochs=recipe["epochs"],
        batch_size=recipe["batch_size"], callbacks=[] if validation is None else [stop],
        verbose=2, **options,
    ).history  # fmt: skip
    return {
        "seconds": time.perf_counter() - began,
        **({} if validation is None else {"validation": [float(v) for v in history[monitor]]}),
        "parameters": count_parameters(model),
        "checkpoint_bytes": checkpoint_bytes(model),
        "template": model.encoder.template.source,
    }


def judged(model: Any, requests: Any, like: float | None = None) -> tuple[Run, Run]:
    """Measures of judged pairs and their intervals, in types that JSON has."""
    judgement = tp.judge(model, requests, like=like)
    interval = {name: list(ends) for name, ends in judgement.interval.items()}
    return dict(judgement.measures), interval
