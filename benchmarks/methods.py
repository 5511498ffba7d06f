"""Every way of prompting and what stands beside it, on one table.

    python benchmarks/methods.py --data movielens-100k --seeds 3
    python benchmarks/methods.py --data amazon-toys --users 2000 --seeds 3

Each method is tuned on validation with the same small budget (three settings, a few epochs, seed
0; some rows take another's: `method_recipes.TUNED_AS`), then trained with each seed; the test part
is looked at once a method and seed. Every run is a process of its own on one core, `--jobs` of them
at a time. What the output file already holds is not run again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import method_recipes
import results

from tfprompt._files import write_json


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=sorted(method_recipes.DATA))
    parser.add_argument("--users", type=int, help="so many users, drawn with seed 0; default: all")
    parser.add_argument("--rows", help="names divided by semicolons; default: all")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time, a core each")
    parser.add_argument("--epochs", type=int, default=method_recipes.EPOCHS)
    parser.add_argument("--trial-epochs", type=int, default=method_recipes.TRIAL_EPOCHS)
    parser.add_argument("--output", type=Path, help="default: results/methods-DATA.json")
    options = parser.parse_args(arguments)
    known = method_recipes.rows(options.data)
    rows = known if options.rows is None else [r.strip() for r in options.rows.split(";")]
    if unknown := [row for row in rows if row not in known]:
        parser.error(f"rows are {'; '.join(known)}. Received: {'; '.join(unknown)}")
    path = options.output or Path(__file__).parent / "results" / f"methods-{options.data}.json"
    result = results.start(path, header(options))
    result.setdefault("trials", {})
    result["budget"] = budget(options)  # of what is run now; older runs of another are replaced
    for jobs in (trial_jobs(result, options, rows), seed_jobs(result, options, rows)):
        for kind, row, found in in_parallel(jobs, options.jobs):
            if kind == "trial":
                trials = result["trials"].setdefault(row, [])
                trials.append(found)
                trials.sort(key=lambda trial: trial["number"])
                write_json(path, result)
                print(f"{row}, trial {found['number']}: validation NDCG@10 "
                      f"{found['validation_ndcg@10']:.4f}", flush=True)  # fmt: skip
            else:
                results.add(path, result, found)
                print(f"{row}, seed {found['seed']}: test NDCG@10 {found['test']['ndcg@10']:.4f}, "
                      f"validation {found['validation']['ndcg@10']:.4f}", flush=True)  # fmt: skip


def header(options: argparse.Namespace) -> dict[str, Any]:
    """What all runs of a file share."""
    from method_rows import describe_requests, load_data

    loaded = load_data(options.data, options.users)
    parts = loaded.leave_one_out()
    return {
        "format": 1,
        "benchmark": "methods",
        "date": results.now(),
        **results.origin(),
        "data": results.describe_data(loaded),
        "split": {
            "name": "leave-one-out",
            "call": parts.name,
            "fingerprint": parts.fingerprint,
            "validation": describe_requests(parts.validation),
            "test": describe_requests(parts.test),
        },
    }


def budget(options: argparse.Namespace) -> dict[str, int]:
    """What each method is given."""
    return {
        "trials": 3,
        "trial_epochs": options.trial_epochs,
        "epochs": options.epochs,
        "threads": 1,
    }


Task = tuple[str, str, dict[str, Any]]


def trial_jobs(result: dict[str, Any], options: Any, rows: list[str]) -> Iterator[Task]:
    """The settings of each method that are to be tried yet."""
    for row in dict.fromkeys(method_recipes.TUNED_AS.get(row, row) for row in rows):
        # A trial of another budget, or of a recipe that has changed since, says nothing here.
        kept = [
            trial
            for trial in result["trials"].get(row, [])
            if trial["recipe"]
            == method_recipes.recipe(options.data, row, options.trial_epochs, trial["number"])
        ]
        result["trials"][row] = kept
        done = {trial["number"] for trial in kept}
        for number in range(len(method_recipes.METHODS[row][2])):
            if number not in done:
                recipe = method_recipes.recipe(options.data, row, options.trial_epochs, number)
                yield "trial", row, {
                    "data": options.data, "users": options.users, "row": row, "recipe": recipe,
                    "seed": method_recipes.TRIAL_SEED, "number": number, "test": False,
                }  # fmt: skip


def seed_jobs(result: dict[str, Any], options: Any, rows: list[str]) -> Iterator[Task]:
    """The runs that are to be made yet, with the setting that validation prefers."""
    for seed in range(options.seeds):
        for row in rows:
            trials = result["trials"][method_recipes.TUNED_AS.get(row, row)]
            best = max(trials, key=lambda trial: trial["validation_ndcg@10"])["number"]
            recipe = method_recipes.recipe(options.data, row, options.epochs, best)
            if not results.finished(result, row, seed, recipe):
                yield "seed", row, {
                    "data": options.data, "users": options.users, "row": row, "recipe": recipe,
                    "seed": seed, "number": best, "test": True,
                }  # fmt: skip


def in_parallel(jobs: Iterator[Task], count: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Runs jobs in fresh processes, `count` at a time, and yields what each found."""
    # Before the processes start: TensorFlow and OpenMP read it once.
    os.environ |= {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    origin = results.origin()
    with ProcessPoolExecutor(count, mp_context=context, max_tasks_per_child=1) as pool:
        running: dict[Future[Any], tuple[str, str]] = {}
        left = True
        while left or running:
            while left and len(running) < count:
                if (job := next(jobs, None)) is None:
                    left = False
                else:
                    running[pool.submit(_work, job[2])] = job[:2]
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                kind, row = running.pop(future)
                yield kind, row, future.result() | origin


def _work(job: dict[str, Any]) -> dict[str, Any]:
    import method_rows

    return method_rows.run(**job)


if __name__ == "__main__":
    sys.exit(main())
