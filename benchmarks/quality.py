"""Quality of recommendations: prompts, controls, baselines and SASRec on one data set and split.

    python benchmarks/quality.py --data movielens-100k --seeds 3
    python benchmarks/quality.py --data amazon-toys --split cold-items --rows text,collaborative

Every run is a process of its own. What is chosen is chosen on validation: the epoch by early
stopping, item-kNN's parameters, the best content baseline. The test part is looked at
once a row and seed. Runs that the output file already holds are not repeated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import recipes
import results

import tfprompt as tp

DEFAULT_ROWS = "text,no-prompt,random-upper,random-backbone,collaborative,sasrec"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--split", default="leave-one-out", choices=("leave-one-out", "cold-items"))
    parser.add_argument("--rows", default=DEFAULT_ROWS, help=f"of {', '.join(recipes.ROWS)}")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--epochs", type=int, help="at most; replaces the recipes'")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/DATA-SPLIT.json")
    options = parser.parse_args(arguments)
    rows = [row for row in options.rows.split(",") if row]
    if unknown := [row for row in rows if row not in recipes.ROWS]:
        parser.error(f"rows are {', '.join(recipes.ROWS)}; received {', '.join(unknown)}")
    default = Path(__file__).parent / "results" / f"{options.data}-{options.split}.json"
    path = options.output or default

    result = results.start(path, header(options.data, options.split))
    # Baselines first: the ratio to content needs the best of them.
    plan = [(row, 0) for row in recipes.BASELINES]
    plan += [(row, seed) for seed in range(options.seeds) for row in rows]
    for row, seed in plan:
        recipe = recipes.recipe(options.data, options.split, row, options.epochs)
        if results.finished(result, row, seed, recipe):
            print(f"{row}, seed {seed}: already in {path}", flush=True)
            continue
        print(f"{row}, seed {seed} …", flush=True)
        content = results.best_content(result)
        origin = results.origin()
        run = _in_own_process((options.data, options.split, row, seed, recipe, content)) | origin
        results.add(path, result, run)
        test = run["test"]
        print(f"  HR@10 {test['hr@10']:.4f}  NDCG@10 {test['ndcg@10']:.4f}", flush=True)


def header(data: str, split: str) -> dict[str, Any]:
    """What all runs of a file share."""
    from rows import describe_requests, make_split

    loaded, parts = tp.data.load(data), make_split(data, split)
    return {
        "format": 1,
        "benchmark": "quality",
        "date": results.now(),
        **results.origin(),
        "data": results.describe_data(loaded),
        "split": {
            "name": split,
            "call": parts.name,
            "fingerprint": parts.fingerprint,
            "validation": describe_requests(parts.validation),
            "test": describe_requests(parts.test),
        },
        "published": recipes.PUBLISHED.get((data, split), []),
    }


def _in_own_process(job: tuple[Any, ...]) -> dict[str, Any]:
    """Runs a job in a fresh process, so that memory and random state are its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_work, job).result()


def _work(job: tuple[Any, ...]) -> dict[str, Any]:
    import rows

    return rows.run(rows.Job(*job))


if __name__ == "__main__":
    sys.exit(main())
