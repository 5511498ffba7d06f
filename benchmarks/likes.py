"""Will they like it? AUC with few and many training users, of users that training knows and not.

    python benchmarks/likes.py --data movielens-100k --seeds 3

The protocol follows TALLRec (Bao et al., 2023): a rating from 4 (of 5) on is a like, and a model is
trained on a few users only. A tenth of the users is for validation and a tenth is cold: training
never sees them. Of each user the newest tenth of the ratings is judged, with all earlier ones as
history. "warm" judges the users that were trained on (few of them, so its intervals are wide),
"cold" the others, always the same. The users of a size are drawn by the seed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import judged
import numpy as np
import rating

import tfprompt as tp

SIZES = ("16", "64", "256", "all")
LIKE = {"movietweetings-100k": 8.0}
PUBLISHED = [
    {
        "name": "TALLRec, 16/64/256 samples",
        "auc": [0.672, 0.675, 0.720],
        "source": "Bao et al., 2023",
    }
]
BASE: dict[str, Any] = {
    "preset": "all-minilm-l6-v2",
    "encoder": {"max_history": 200, "dropout": 0.1, "upper_dropout": 0.1},
    "model": {"collaborative": 0, "steps": 32},
    "rate": 4e-3,
    "patience": 2,
}
# Fewer users, smaller batches and more passes; ids only where users are many enough to train them.
SIZED: dict[str, dict[str, Any]] = {
    "16": {"batch_size": 8, "epochs": 8},
    "64": {"batch_size": 8, "epochs": 6},
    "256": {"batch_size": 16, "epochs": 5, "model": {"collaborative": 64}},
    "all": {"batch_size": 16, "epochs": 4, "model": {"collaborative": 64}},
}
LATE = "{soft:8} %s {history:items rating} would they like {item:token}"
CROSS = "{soft:8} %s {history:items rating} would they like {item:text} ? {mask}"
FORMS: dict[str, dict[str, Any]] = {
    "late": {"template": LATE},
    "cross": {"template": CROSS, "model": {"steps": 4}},
    "late-plain": {"template": LATE, "model": {"bias": False}},
    "cross-plain": {"template": CROSS, "model": {"steps": 4, "bias": False}},
    "words": {
        "template": CROSS,
        "model": {"steps": 4, "bias": False, "verbalizer": ["no", "yes"]},
    },
}
BASELINES = ("rating-bias", "rating-knn")


def recipe(data: str, form: str, size: str) -> dict[str, Any]:
    """The configuration of a row."""
    if form in BASELINES:
        return {"kind": "baseline", "users": size, "form": form}
    found = {**BASE, **FORMS[form], **SIZED[size], "users": size, "form": form}
    found["model"] = {k: v for of in (BASE, SIZED[size], FORMS[form])
                      for k, v in of.get("model", {}).items()}  # fmt: skip
    found["template"] = found["template"] % rating.PROFILES.get(data, "a person")
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--forms", default="rating-bias,rating-knn,late,cross")
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/likes-DATA.json")
    options = parser.parse_args(arguments)
    forms, sizes = options.forms.split(","), options.sizes.split(",")
    if unknown := [f for f in forms if f not in (*BASELINES, *FORMS)]:
        parser.error(f"forms are {', '.join((*BASELINES, *FORMS))}; received {', '.join(unknown)}")
    if unknown := [size for size in sizes if size not in SIZES]:
        parser.error(f"sizes are {', '.join(SIZES)}; received {', '.join(unknown)}")
    path = options.output or judged.RESULTS / f"likes-{options.data}.json"
    data = tp.data.load(options.data)
    parts = split(data, "all", 0)
    described = {"name": "new users", "cold pairs": len(parts["cold"].targets)}
    result = judged.open_results(path, "likes", data, described) | {"published": PUBLISHED}
    plan = [
        (f"{form}-{size}", seed, recipe(options.data, form, size))
        for seed in range(options.seeds)
        for size in sizes
        for form in forms
        # All users are the same users whatever the seed, and a baseline has no other.
        if not (form in BASELINES and size == "all" and seed)
    ]
    judged.run_all(path, result, plan, work)


def split(data: Any, size: str, seed: int) -> dict[str, Any]:
    """Training sequences and the requests of validation, warm and cold users."""
    enough = np.flatnonzero(np.diff(data.event_offsets) >= 10)
    users = data.user_ids[np.random.default_rng(0).permutation(enough)]
    tenth = len(users) // 10
    cold, other, pool = users[:tenth], users[tenth : 2 * tenth], users[2 * tenth :]
    if size != "all":
        pool = np.random.default_rng([seed, 1]).permutation(pool)[: int(size)]
    trained = data.ratio(users=pool.tolist())
    return {
        "train": trained.train,
        "warm": trained.test,
        "validation": data.ratio(users=other.tolist()).test,
        "cold": data.ratio(users=cold.tolist()).test,
    }


def work(data: str, row: str, seed: int, recipe: dict[str, Any]) -> dict[str, Any]:
    """Trains one row and judges both parts once."""
    like = LIKE.get(data, 4.0)
    parts = split(tp.data.load(data), recipe["users"], seed)
    facts: dict[str, Any] = {}
    if recipe["form"] in BASELINES:
        from tfprompt.evaluation import tuned_rating_bias, tuned_rating_item_knn

        tune: Any = {"rating-bias": tuned_rating_bias, "rating-knn": tuned_rating_item_knn}
        model = tune[recipe["form"]](parts["train"], parts["validation"], like=like)
    else:
        from tfprompt.tasks.objective import Objective

        model = judged.ranker(recipe, parts["train"], seed, Objective("like", like=like))
        facts = judged.fit(model, recipe, parts["train"], parts["validation"], "val_auc", "max")
        facts["milliseconds_a_pair"] = milliseconds(model, parts["cold"])
    test, interval = {}, {}
    for name in ("cold", "warm"):
        measures, ends = judged.judged(model, parts[name], like)
        test |= {f"{name}_{key}": value for key, value in measures.items()}
        interval |= {f"{name}_{key}": value for key, value in ends.items()}
    return {"test": test, "interval": interval, **facts}


def milliseconds(model: Any, requests: Any) -> float:
    """Time to judge a pair, where 20 items are judged for one request at a time; median of 50."""
    import time

    fields = model.pipeline.fields_of(requests)
    inputs, _ = next(model.pipeline.request_arrays(requests, fields, 1, np.arange(1)))
    items = np.arange(20, dtype=np.int32)[None]
    for _ in range(3):
        model.judge_items(inputs, items)
    taken = []
    for _ in range(50):
        began = time.perf_counter()
        model.judge_items(inputs, items)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1000 / 20


if __name__ == "__main__":
    sys.exit(main())
