"""One model for rating, sequential and direct recommendation, beside a model for each.

    python benchmarks/multitask.py --data movielens-100k --seeds 3

Both get the same passes over the same data: an epoch of the multi-task model is one pass over each
task's batches. Every run is a process of its own, the epoch is chosen on validation (the
multi-task model has one for all tasks), and the test part is looked at once a row and seed. Runs
that the output file already holds are not repeated.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import quality
import recipes
import results

import tfprompt as tp
from tfprompt._files import write_json

SPLIT = "leave-one-out"
TEMPLATES = {
    "sequential": recipes.BASE["template"],
    "direct": "{soft:8} a {age} year old {gender} {occupation} will like {mask}",
    "rating": "{soft:8} {history:items rating} would rate {item:token}",
}
# Data sets without these user columns are asked with another text.
PLAIN = {**TEMPLATES, "direct": "{soft:8} a person will like {mask}"}
# What is compared of each task, and whether more of it is better.
MEASURES = {
    "sequential": {"ndcg@10": True, "hr@10": True},
    "direct": {"ndcg@10": True, "hr@10": True},
    "rating": {"rmse": False},
}
MODEL = {"collaborative": 96}
# Row → its tasks; the baselines are not trained.
ROWS: dict[str, tuple[str, ...]] = {
    "popularity": ("direct",),
    "item-knn": ("sequential",),
    "rating-bias": ("rating",),
    **{task: (task,) for task in TEMPLATES},
    "multi-task": tuple(TEMPLATES),
}
BASELINES = ("popularity", "item-knn", "rating-bias")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--epochs", type=int, help="at most; replaces the recipe's")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/multitask-DATA.json"
    )
    options = parser.parse_args(arguments)
    rows = [row for row in options.rows.split(",") if row]
    if unknown := [row for row in rows if row not in ROWS]:
        parser.error(f"rows are {', '.join(ROWS)}; received {', '.join(unknown)}")
    default = Path(__file__).parent / "results" / f"multitask-{options.data}.json"
    path = options.output or default

    result = results.start(path, _header(options.data))
    plan = [(row, 0) for row in rows if row in BASELINES]
    plan += [(row, s) for s in range(options.seeds) for row in rows if row not in BASELINES]
    for row, seed in plan:
        made = recipe(options.data, row, options.epochs)
        if results.finished(result, row, seed, made):
            print(f"{row}, seed {seed}: already in {path}", flush=True)
            continue
        print(f"{row}, seed {seed} …", flush=True)
        origin = results.origin()
        run = _in_own_process((options.data, row, seed, made)) | origin
        same = (row, seed)
        result["runs"] = [r for r in result["runs"] if (r["row"], r["seed"]) != same] + [run]
        result["summary"] = summary(result["runs"])
        write_json(path, result)
        for task, test in run["test"].items():
            figures = "  ".join(f"{name} {test[name]:.4f}" for name in MEASURES[task])
            print(f"  {task}: {figures}", flush=True)
    for task, gaps in result["summary"].get("gaps", {}).items():
        for name, gap in gaps.items():
            print(
                f"{task} {name}: {gap['single']:.4f} alone, {gap['multi']:.4f} together, "
                f"{gap['relative']:+.1%} ({gap['low']:+.1%} … {gap['high']:+.1%})"
            )


def recipe(data: str, row: str, epochs: int | None = None) -> recipes.Recipe:
    """The configuration of one row, in types that JSON has."""
    if row in BASELINES:
        return {"kind": "baseline"}
    known = recipes.recipe(data, SPLIT, "collaborative")
    found = copy.deepcopy({key: known[key] for key in recipes.BASE if key != "template"})
    found |= {"kind": "multitask", "model": dict(MODEL), "tasks": list(ROWS[row])}
    templates = TEMPLATES if data.startswith("movielens") else PLAIN
    found["templates"] = {task: templates[task] for task in ROWS[row]}
    return found if epochs is None else found | {"epochs": epochs}


def _header(data: str) -> dict[str, Any]:
    """What all runs of a file share."""
    return quality.header(data, SPLIT) | {"benchmark": "multitask", "published": []}


def _in_own_process(job: tuple[Any, ...]) -> dict[str, Any]:
    """Runs a job in a fresh process, so that memory and random state are its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_work, job).result()


def _work(job: tuple[Any, ...]) -> dict[str, Any]:
    import several_tasks

    data, row, seed, made = job
    return {
        "row": row,
        "seed": seed,
        "recipe": made,
        "date": results.now(),
        **several_tasks.run(data, row, ROWS[row], seed, made),
    }


# -- what the runs say -------------------------------------------------------------------------


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds, and how far together is from alone."""
    found: dict[str, Any] = {}
    for row in dict.fromkeys(run["row"] for run in runs):
        own = _of_row(runs, row)
        found[row] = {
            "seeds": sorted(own),
            "seconds": float(np.mean([run["seconds"] for run in own.values()])),
            "tasks": {
                task: {name: _spread([own[s]["test"][task][name] for s in sorted(own)])
                       for name in MEASURES[task]}
                for task in ROWS[row]
            },
        }  # fmt: skip
        for name in ("trained_parameters", "epochs"):
            if all(name in run for run in own.values()):
                found[row][name] = float(np.mean([run[name] for run in own.values()]))
    together = _of_row(runs, "multi-task")
    gaps = {}
    for task in TEMPLATES:
        alone = _of_row(runs, task)
        seeds = sorted(set(alone) & set(together))
        if seeds:
            pairs = [(alone[s]["test"][task], together[s]["test"][task]) for s in seeds]
            gaps[task] = {name: gap(name, seeds, pairs) for name in MEASURES[task]}
    return found | ({"gaps": gaps} if gaps else {})


def gap(name: str, seeds: list[int], pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """The relative difference of the multi-task model, with a 95 % interval over users.

    The interval is a paired bootstrap: the same users are drawn for both models, and each user
    counts with the mean over the seeds. What luck in training adds is seen in `by_seed`.

    Args:
        name: the measure.
        seeds: of the runs.
        pairs: the single task's test and the multi-task model's, of each seed.
    """
    from tfprompt.evaluation.intervals import percentile_interval, resampled_means

    values = np.array([[unpack(test["per_user"][name]) for test in pair] for pair in pairs])
    draws = resampled_means(values.mean(axis=0).T)
    root = np.sqrt if name == "rmse" else np.asarray  # of a mean over users of squared errors
    low, high = percentile_interval(root(draws[:, 1:]) / root(draws[:, :1]) - 1)
    means = root(values.mean(axis=(0, 2)))
    return {
        "single": float(np.mean([single[name] for single, _ in pairs])),
        "multi": float(np.mean([multi[name] for _, multi in pairs])),
        "relative": float(means[1] / means[0] - 1),
        "low": float(low[0]),
        "high": float(high[0]),
        "better": "higher" if name != "rmse" else "lower",
        "by_seed": {str(s): multi[name] / one[name] - 1
                    for s, (one, multi) in zip(seeds, pairs, strict=True)},
    }  # fmt: skip


def pack(values: Any) -> str:
    """Numbers of all users in one line of a JSON file."""
    return " ".join(f"{float(value):.5g}" for value in values)


def unpack(line: str) -> np.ndarray:
    """The numbers that `pack` wrote, float64 `[U]`."""
    return np.array(line.split(), np.float64)


def _of_row(runs: list[dict[str, Any]], row: str) -> dict[int, dict[str, Any]]:
    """The runs of a row by seed; those of an older recipe are left out."""
    own = [run for run in runs if run["row"] == row]
    return {run["seed"]: run for run in own if run["recipe"] == own[-1]["recipe"]}


def _spread(values: list[float]) -> dict[str, Any]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": deviation, "values": values}


if __name__ == "__main__":
    sys.exit(main())
