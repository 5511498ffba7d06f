"""What a stream of genres or periods makes a model forget, by method.

    python benchmarks/continual.py --data movielens-100k --by genre --seeds 3
    python benchmarks/continual.py --data movietweetings-100k --by period --rows fine-tune,pool

Each method's configurations are tried once on the validation part, with seed 0; the one with the
best average after the last stage is run with every seed on the test part, which is looked at once
a row and seed. Every run is a process of its own and goes on after an interruption at the stage
that it had reached. Runs that the output file already holds are not repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import continual_recipes
import results
from continual_recipes import ROWS

import tfprompt as tp
from tfprompt._files import home, write_json

MEASURES = ("average", "forgetting", "backward_transfer", "forward_transfer")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--by", default="genre", choices=continual_recipes.STREAMS)
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1; 0 only tries")
    parser.add_argument("--tries", type=int, help="configurations of a row, at most; default: all")
    parser.add_argument("--epochs", type=int, help="of a stage; replaces the recipes'")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/continual-DATA-BY.json"
    )
    options = parser.parse_args(arguments)
    rows = [row for row in options.rows.split(",") if row]
    if unknown := [row for row in rows if row not in ROWS]:
        parser.error(f"rows are {', '.join(ROWS)}; received {', '.join(unknown)}")
    name = f"continual-{options.data}-{options.by}.json"
    path = options.output or Path(__file__).parent / "results" / name

    result = results.start(path, header(options.data, options.by))
    result.setdefault("tried", [])
    made = {row: continual_recipes.tries(row, options.epochs, options.tries) for row in rows}
    for row in rows:
        if len(made[row]) > 1 or not options.seeds:
            for recipe in made[row]:
                _run(path, result, "tried", options, row, 0, recipe)
    for seed in range(options.seeds):
        for row in rows:
            _run(path, result, "runs", options, row, seed, chosen(result, row, made[row]))
    for row, found in result["summary"].items():
        average, forgetting = (found["measures"][name]["mean"] for name in MEASURES[:2])
        print(f"{row}: average {average:.4f}, forgetting {forgetting:.4f}")


def header(data: str, by: str) -> dict[str, Any]:
    """What all runs of a file share."""
    loaded, stream = tp.data.load(data), continual_recipes.stream_of(data, by)
    return {
        "format": 1,
        "benchmark": "continual",
        "date": results.now(),
        **results.origin(),
        "data": results.describe_data(loaded),
        "split": {
            "name": by,
            "call": stream.name,
            "fingerprint": stream.fingerprint,
            "stages": [
                {
                    "name": stage.name,
                    "users": len(stage.train),
                    "events": len(stage.train.items),
                    "requests": len(stage.test),
                    "candidates": int(stage.candidates.sum()),
                    "protocol": stage.test.protocol,
                }
                for stage in stream
            ],
        },
    }


def chosen(result: dict[str, Any], row: str, recipes: list[Any]) -> Any:
    """The recipe with the best average on validation; the first where only one was tried."""

    def average(recipe: Any) -> float:
        found = [t for t in result["tried"] if (t["row"], t["recipe"]) == (row, recipe)]
        return found[-1]["outcome"]["measures"]["average"] if found else float("-inf")

    return max(recipes, key=average)


def _run(
    path: Path, result: dict[str, Any], into: str, options: Any, row: str, seed: int, recipe: Any
) -> None:
    part = {"tried": "validation", "runs": "test"}[into]
    same = [r for r in result[into] if (r["row"], r["seed"], r["recipe"]) == (row, seed, recipe)]
    if same:
        print(f"{row}, seed {seed}, {part}: already in {path}", flush=True)
        return
    print(f"{row}, seed {seed}, {part}: {recipe['course']} {recipe['options']}", flush=True)
    origin = results.origin()
    context = multiprocessing.get_context("spawn")
    job = (options.data, options.by, row, seed, part, recipe)
    # Of the sources too: a run that an older version began is not gone on with.
    key = json.dumps([*job, origin["versions"]["tfprompt sources"]], sort_keys=True)
    folder = home() / "continual" / hashlib.sha256(key.encode()).hexdigest()[:16]
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        run = pool.submit(_work, (*job, folder)).result() | origin
    if into == "runs":  # a test run of another recipe is out of date
        result[into] = [r for r in result[into] if (r["row"], r["seed"]) != (row, seed)]
    result[into].append(run)
    result["summary"] = summary(result["runs"])
    write_json(path, result)
    shutil.rmtree(folder, ignore_errors=True)
    figures = run["outcome"]["measures"]
    print("  " + "  ".join(f"{name} {figures[name]:.4f}" for name in MEASURES), flush=True)


def _work(job: tuple[Any, ...]) -> dict[str, Any]:
    """One run, in the process that it has for itself."""
    data, by, row, seed, part, recipe, folder = job
    from tfprompt.encoders import load_backbone

    stream = continual_recipes.stream_of(data, by)
    loaded = load_backbone(recipe["preset"])

    def make_model(seed: int) -> Any:
        encoder = tp.PromptedEncoder(loaded, recipe["template"], seed=seed, **recipe["encoder"])
        return tp.Retriever(encoder, stream.catalog, seed=seed, **recipe["model"])

    course = tp.continual.Course(**recipe["course"])
    method = getattr(tp.continual, recipe["method"])(course, **recipe["options"])
    outcome = tp.continual.run(make_model, stream, method, seed=seed, part=part, directory=folder)
    return {
        "row": row,
        "seed": seed,
        "recipe": recipe,
        "date": results.now(),
        "outcome": outcome.to_dict(),
        "seconds": sum(outcome.seconds),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each row the measures over the seeds that share its newest recipe."""
    from tfprompt.continual import ContinualReport, Outcome

    found = {}
    for row in dict.fromkeys(run["row"] for run in runs):
        own = [run for run in runs if run["row"] == row]
        own = [run for run in own if run["recipe"] == own[-1]["recipe"]]
        report = ContinualReport([Outcome.from_dict(run["outcome"]) for run in own])
        found[row] = {
            "seeds": [run["seed"] for run in own],
            "seconds": sum(run["seconds"] for run in own) / len(own),
            "matrix": report.matrix.tolist(),
            "measures": report.measures,
        }
    return found


if __name__ == "__main__":
    sys.exit(main())
