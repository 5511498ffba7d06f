"""Recommendation from few users: what a model is worth with 0, 16, 64, 256 and all of them.

    python benchmarks/fewshot.py --data movielens-100k --split leave-one-out --seeds 3
    python benchmarks/fewshot.py --data movielens-100k --split cold-items --seeds 3

The test requests are the same for every number of users; the users of a size are drawn by the seed,
a smaller draw is part of a larger one. Every trained row makes as many steps, whatever the size,
and looks at validation as often; it ends with the weights that were best there, those before any
training included. Size 0 is the model as it is made. Untrained rows have that size alone. Runs
that the output file already holds are not repeated.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import judged
import recipes

import tfprompt as tp

SIZES = ("0", "16", "64", "256", "all")
# Chosen on the validation part of MovieLens-100K's cold items among the newest 1, 3, 5, 10 and 20
# titles and four wordings, untrained.
WORDS = "a %s like {history:titles 5}"
NOUNS = {"amazon-toys": "toy", "movielens-100k": "film", "movietweetings-100k": "film"}
ROWS: dict[str, recipes.Recipe] = {
    # The main recipe, and the same beside the untrained content similarity.
    "text": {},
    "text-content": {"model": {"content_weight": 1.0}},
    # Trained as corrections that start at zero, in small steps: with 16 users and 150 steps
    # validation of MovieLens-100K's cold items fell from .042 to .012 at 2e-3, to .030 at 2e-4.
    "content-start": {
        "model": {"content_weight": 1.0, "start": "text"},
        "optimizer": {"rate": 2e-4},
    },
    "words-start": {"template": WORDS, "model": {"start": "text"}, "optimizer": {"rate": 2e-4}},
}
BASELINES = {"popularity": "users", "item-knn": "users", "content-whitened": "none"}
STEPS, CHECKS = 400, 8


def recipe(data: str, split: str, row: str, size: str, steps: int = STEPS) -> recipes.Recipe:
    """The configuration of a row at a size."""
    if row in BASELINES:
        return {"kind": "baseline", "row": row, "split": split, "users": size}
    found = recipes.recipe(data, split, "text")
    recipes._merge(found, ROWS[row])
    if "%s" in found["template"]:
        found["template"] %= NOUNS.get(data, "thing")
    for name in ("epochs", "patience"):
        found.pop(name)
    trained = {} if size == "0" else {"steps": steps, "checks": CHECKS}
    return {**found, "row": row, "split": split, "users": size, **trained}


def plan(data: str, split: str, rows: list[str], sizes: list[str], seeds: int, steps: int) -> Any:
    """Row, seed and recipe of each run; what no seed changes is run once."""
    found = []
    for seed in range(seeds):
        for size in sizes:
            for row in rows:
                without = BASELINES.get(row) == "none"
                if without != (size == "0") and row in BASELINES:
                    continue  # a baseline of users needs some; one of none needs none
                if seed and (size == "0" or (row in BASELINES and size == "all")):
                    continue
                made = recipe(data, split, row, size, steps)
                found.append((f"{row}-{size}", seed, made))
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--split", default="leave-one-out", choices=("leave-one-out", "cold-items"))
    parser.add_argument("--rows", default=",".join([*BASELINES, *ROWS]))
    parser.add_argument("--sizes", default=",".join(SIZES), help="numbers of users, or all")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--steps", type=int, default=STEPS, help="of every trained run")
    parser.add_argument("--output", type=Path, help="default: results/fewshot-DATA-SPLIT.json")
    options = parser.parse_args(arguments)
    rows, sizes = options.rows.split(","), options.sizes.split(",")
    if unknown := [row for row in rows if row not in (*BASELINES, *ROWS)]:
        parser.error(f"rows are {', '.join((*BASELINES, *ROWS))}; received {', '.join(unknown)}")
    if unknown := [size for size in sizes if size != "all" and not size.isdecimal()]:
        parser.error(f"sizes are numbers of users, or all; received {', '.join(unknown)}")
    from rows import describe_requests, make_split

    path = options.output or judged.RESULTS / f"fewshot-{options.data}-{options.split}.json"
    parts = make_split(options.data, options.split)
    described = {
        "name": options.split,
        "fingerprint": parts.fingerprint,
        "users": len(parts.train),
        "test": describe_requests(parts.test),
    }
    result = judged.open_results(path, "fewshot", tp.data.load(options.data), described)
    planned = plan(options.data, options.split, rows, sizes, options.seeds, options.steps)
    judged.run_all(path, result, planned, work)


def work(data: str, row: str, seed: int, recipe: recipes.Recipe) -> dict[str, Any]:
    """Trains one row on its users, and looks at the test part once."""
    from rows import Job, _baseline, make_split

    split = make_split(data, recipe["split"])
    if recipe["users"] not in ("0", "all"):
        split = tp.data.few_shot(split, users=int(recipe["users"]), seed=seed)
    if recipe["kind"] == "baseline":
        job = Job(data, recipe["split"], recipe["row"], seed, recipe)
        scorer, facts = _baseline(job, split)
    else:
        scorer, facts = train(recipe, split, seed)
    report = tp.evaluate(scorer, split.test, baselines=False)
    validation = tp.evaluate(scorer, split.validation, baselines=False, bootstrap=0)
    return {
        "test": dict(report.measures),
        "interval": {name: list(ends) for name, ends in report.interval.items()},
        "validation": dict(validation.measures),
        "training users": len(split.train) if recipe["users"] != "0" else 0,
        **facts,
    }


def train(recipe: recipes.Recipe, split: Any, seed: int) -> tuple[Any, dict[str, Any]]:
    """The model of a recipe, trained for its steps, and what that took."""
    from measuring import count_parameters
    from prompted import build, scheduled_optimizer

    model = build(recipe, split, seed)
    facts = {"parameters": count_parameters(model), "template": recipe["template"]}
    if recipe["users"] == "0":
        return model, facts
    model.mark_warm(split.train)
    passes = itertools.count()
    # Pass after pass, so that few users make as many steps as many.
    windows = model.pipeline.training(
        split.train, batch_size=recipe["batch_size"], seed=seed, epoch=lambda: next(passes)
    ).repeat()
    checks, each = recipe["checks"], max(1, recipe["steps"] // recipe["checks"])
    model.compile(optimizer=scheduled_optimizer(recipe, checks * each))
    best = tp.training.BestWeights(split.validation)
    began = time.perf_counter()
    history = model.fit(
        windows, validation_data=split.validation, epochs=checks, steps_per_epoch=each,
        callbacks=[best], verbose=2,
    ).history  # fmt: skip
    return model, {
        **facts,
        "seconds": time.perf_counter() - began,
        "passes": next(passes),
        "steps": checks * each,
        "best_step": best.best_epoch * each,
        "curve": [float(value) for value in history["val_ndcg_at_10"]],
    }


if __name__ == "__main__":
    sys.exit(main())
