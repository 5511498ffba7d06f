"""What each row of the benchmark is: one configuration per row, data set and split.

`BASE` holds what prompted rows share, `ROWS` what makes a row itself, `OVERRIDES` what a data set
or split asks for; later ones win. Change numbers here and nowhere else: a finished run whose
recipe has changed since is run again.
"""

from __future__ import annotations

import copy
from fnmatch import fnmatch
from typing import Any

Recipe = dict[str, Any]

BASE: Recipe = {
    "kind": "prompted",
    "preset": "all-minilm-l6-v2",
    # "pretrained"; "random-upper": the layers from the seam on are random, item vectors and the
    # states below the seam stay pretrained; "random": every weight is random, the item vectors'
    # too.
    "backbone": "pretrained",
    "template": "a person who liked these items will like next {soft:8} {history:items}",
    "encoder": {"prompt_layer": 5, "max_history": 50, "dropout": 0.3, "upper_dropout": 0.2},
    "model": {},
    # schedule: "constant" or "cosine" over `epochs`; warmup: share of all steps.
    "optimizer": {
        "rate": 2e-3,
        "schedule": "cosine",
        "warmup": 0.05,
        "weight_decay": 0.01,
        "global_clipnorm": 1.0,
    },
    "epochs": 10,
    "patience": 3,
    "batch_size": 64,
}

ROWS: dict[str, Recipe] = {
    "text": {},
    # Trained as a correction of the untrained content similarity; the weight was chosen among 0.3,
    # 1 and 2 on the validation part of MovieLens-100K's cold items.
    "text-content": {"model": {"content_weight": 1.0}},
    "no-prompt": {"template": "{history:items}"},
    "deep": {"encoder": {"deep": True, "prompt_layer": 4}},
    "collaborative": {"model": {"collaborative": 96}},
    "collaborative-32": {"model": {"collaborative": 32}},
    "random-upper": {"backbone": "random-upper"},
    "random-backbone": {"backbone": "random"},
    "sasrec": {
        "kind": "sasrec",
        "width": 128,
        "heads": 2,
        "blocks": 2,
        "dropout": 0.5,
        "window": 50,
        "batch_size": 64,
        "rate": 1e-3,
        "epochs": 40,
        "patience": 5,
    },
    "sasrec-64": {
        "kind": "sasrec",
        "width": 64,
        "heads": 2,
        "blocks": 2,
        "dropout": 0.3,
        "window": 50,
        "batch_size": 64,
        "rate": 1e-3,
        "epochs": 40,
        "patience": 5,
    },
}

# Untrained: they have no seed and run first.
BASELINES = ("popularity", "item-knn", "item-knn-tuned", "content-raw", "content-whitened",
             "content-whitened-fully")  # fmt: skip

# (data, split, row, changes); "*" matches all.
OVERRIDES: list[tuple[str, str, str, Recipe]] = [
    ("amazon-toys", "*", "*", {"batch_size": 128}),
    *(
        ("amazon-toys", "*", row, {"epochs": 6, "patience": 2})
        for row, changes in ROWS.items()
        if changes.get("kind") != "sasrec"
    ),
    *(
        ("amazon-toys", "*", row, {"encoder": {"max_history": 20}})
        for row, changes in ROWS.items()
        if changes.get("kind") != "sasrec"
    ),
    ("amazon-toys", "*", "collaborative", {"model": {"collaborative": 32}}),
    ("*", "cold-items", "text-content", {"epochs": 4, "patience": 2}),
    # Cold items have no id: training must not come to lean on ids.
    ("*", "cold-items", "collaborative*", {"model": {"id_dropout": 0.5}}),
]

# Figures of others, for orientation; their protocols differ in detail.
PUBLISHED: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("movielens-100k", "leave-one-out"): [
        {"name": "OpenP5", "hr@10": 0.1208, "ndcg@10": 0.0595, "source": "Xu et al., 2024"},
    ],
    ("amazon-toys", "leave-one-out"): [
        {"name": "SASRec, BCE", "hr@10": 0.0675, "ndcg@10": 0.0374, "source": "Zhou et al., 2020"},
        {"name": "TIGER", "hr@10": 0.0712, "ndcg@10": 0.0432, "source": "Rajput et al., 2023"},
    ],
}


def recipe(data: str, split: str, row: str, epochs: int | None = None) -> Recipe:
    """The configuration of one row, in types that JSON has.

    Args:
        data: name of the data set.
        split: "leave-one-out" or "cold-items".
        row: a key of `ROWS` or one of `BASELINES`.
        epochs: replaces the recipe's own.

    Raises:
        KeyError: no such row.
    """
    if row in BASELINES:
        return {"kind": "baseline"}
    if row not in ROWS:
        raise KeyError(f"A row is one of {', '.join([*BASELINES, *ROWS])}. Received: {row!r}.")
    found = copy.deepcopy(BASE if ROWS[row].get("kind", "prompted") == "prompted" else {})
    _merge(found, ROWS[row])
    for *patterns, changes in OVERRIDES:
        if all(fnmatch(name, p) for name, p in zip((data, split, row), patterns, strict=True)):
            _merge(found, changes)
    if epochs is not None:
        found["epochs"] = epochs
    return found


def _merge(into: Recipe, changes: Recipe) -> None:
    """Later values win; dictionaries are merged one level deep."""
    for key, value in changes.items():
        if isinstance(value, dict):
            into[key] = {**into.get(key, {}), **value}
        else:
            into[key] = value
