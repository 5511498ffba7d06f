"""Ratings: prompted rankers beside bias, item-kNN and matrix factorisation on one split.

    python benchmarks/rating.py --data movielens-100k --seeds 3

Of each user the newest tenth is for test and the tenth before for validation. Settings and the
number of epochs are chosen on validation; every row, ranker or baseline, is then fitted again on
training and validation, and the test part is looked at once a row and seed. `--validate` trains on
the training part alone and shows what validation says of each epoch, without looking at the test.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import judged

import tfprompt as tp

PROFILE = "a {age} year old {gender} {occupation}"
# What a data set knows of its users.
PROFILES = {"movielens-100k": PROFILE}
BASE: dict[str, Any] = {
    "preset": "all-minilm-l6-v2",
    "encoder": {"max_history": 200, "dropout": 0.1, "upper_dropout": 0.1},
    "model": {"collaborative": 64},
    "rate": 4e-3,
    "epochs": 3,
    "patience": 2,
    "batch_size": 16,
}
LATE = "{soft:8} %s {history:items rating} would rate {item:token}"
CROSS = "{soft:8} %s {history:items rating} how would they rate {item:text} ? {mask}"
WORDS = {1: "terrible", 2: "bad", 3: "okay", 4: "good", 5: "excellent"}
ROWS: dict[str, dict[str, Any]] = {
    "late": {"template": LATE},
    "late-text": {"template": LATE, "model": {"collaborative": 0}},
    "late-unbiased": {"template": LATE, "model": {"collaborative": 64, "bias": False}},
    "cross": {"template": CROSS},
    "cross-words": {"template": CROSS, "model": {"collaborative": 64, "verbalizer": WORDS}},
}
BASELINES = ("rating-bias", "rating-knn", "matrix-factorisation")


def recipe(data: str, row: str, epochs: int | None) -> dict[str, Any]:
    """The configuration of a row."""
    if row in BASELINES:
        return {"kind": "baseline"}
    found = {**BASE, **ROWS[row]}
    found["template"] = found["template"] % PROFILES.get(data, "a person")
    return found | ({} if epochs is None else {"epochs": epochs})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--rows", default=",".join([*BASELINES, "late", "late-text", "cross"]))
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--epochs", type=int, help="at most; replaces the recipe's")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/rating-DATA.json")
    parser.add_argument("--validate", action="store_true", help="see above; writes no file")
    options = parser.parse_args(arguments)
    rows = [row for row in options.rows.split(",") if row]
    if unknown := [row for row in rows if row not in (*BASELINES, *ROWS)]:
        parser.error(f"rows are {', '.join((*BASELINES, *ROWS))}; received {', '.join(unknown)}")
    if options.validate:
        for row in rows:
            validate(options.data, row, recipe(options.data, row, options.epochs))
        return
    path = options.output or judged.RESULTS / f"rating-{options.data}.json"
    data = tp.data.load(options.data)
    split = data.ratio()
    described = {
        "name": split.name,
        "fingerprint": split.fingerprint,
        "pairs": len(split.test.targets),
    }
    result = judged.open_results(path, "rating", data, described)
    plan = [(row, 0) for row in rows if row in BASELINES]
    plan += [(row, s) for s in range(options.seeds) for row in rows if row not in BASELINES]
    jobs = [(row, seed, recipe(options.data, row, options.epochs)) for row, seed in plan]
    judged.run_all(path, result, jobs, work)


def validate(data: str, row: str, recipe: dict[str, Any]) -> None:
    """Prints the errors on validation, of a ranker after each epoch."""
    split = tp.data.load(data).ratio()
    if row in BASELINES:
        baseline(row, split)
        return
    model = judged.ranker(recipe, split.train, 0, "rating")
    facts = judged.fit(model, recipe, split.train, split.validation, "val_rmse", "min")
    print(f"{row}: validation RMSE {facts['validation']}")


def work(data: str, row: str, seed: int, recipe: dict[str, Any]) -> dict[str, Any]:
    """Trains one row and looks at the test part once."""
    split = tp.data.load(data).ratio()
    facts: dict[str, Any] = {}
    if row in BASELINES:
        model = baseline(row, split)
    else:
        from tfprompt.evaluation import known_at

        known = known_at(split.test)
        model = judged.ranker(recipe, known, seed, "rating")
        facts = judged.fit(model, recipe, known, None, "val_rmse", "min")
    test, interval = judged.judged(model, split.test)
    return {"test": test, "interval": interval, **facts}


def baseline(row: str, split: Any, like: float | None = None) -> Any:
    """A baseline tuned on validation and fitted again on all that is known before the test."""
    import matrix_factorisation

    from tfprompt.evaluation import (
        RatingBias,
        RatingItemKNN,
        known_at,
        tuned_rating_bias,
        tuned_rating_item_knn,
    )

    known = known_at(split.test)
    if row == "rating-bias":
        tuned = tuned_rating_bias(split.train, split.validation, like=like)
        return RatingBias(known, like=like, **_options(tuned))
    if row == "rating-knn":
        tuned = tuned_rating_item_knn(split.train, split.validation, like=like)
        return RatingItemKNN(known, like=like, **_options(tuned))
    tuned = matrix_factorisation.tuned_matrix_factorisation(
        split.train, split.validation, like=like
    )
    return matrix_factorisation.MatrixFactorisation(known, like=like, **_options(tuned))


def _options(tuned: Any) -> dict[str, Any]:
    return {name: value for name, value in tuned.settings.items() if name != "like"}


if __name__ == "__main__":
    sys.exit(main())
