"""Will they like it, answered in words: AUC with 0, 16, 64 and 256 examples of each class.

    python benchmarks/verbalizers.py --data movielens-100k --seeds 3

A cross-encoder reads what somebody watched and the item, and its answer is compared with words for
no and yes. Rows differ in the head alone: fixed words, words whose vectors are trained (soft),
calibrated ones, and a linear head, which says nothing untrained. Nothing is known of how users and
items rate (`bias=False`). Of each user the newest tenth of the ratings is for test and the tenth
before for validation. The examples of a size are drawn by the seed, a smaller draw is part of a
larger one. Every trained row makes as many steps. Runs that the output file already holds are not
repeated.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import judged

import tfprompt as tp

SIZES = ("0", "16", "64", "256")
LIKE = {"movietweetings-100k": 8.0}
# Chosen on validation (150 users of MovieLens-100K) among the wordings and words of `CHOICES`,
# untrained (`--choose`).
TEMPLATE = "somebody liked {history:titles 5} . {item:text} is {mask}"
WORDS: list[Any] = ["bad", "good"]
CHOICES: dict[str, list[Any]] = {
    "templates": [
        TEMPLATE,
        "a person who watched {history:titles 5} would think of {item:text} : {mask}",
        "a person who watched {history:titles 5} would like {item:text} ? {mask}",
        "somebody liked {history:titles 5} . {item:text} is similar",
    ],
    "words": [
        ["no", "yes"],
        ["bad", "good"],
        [["boring", "terrible", "bad"], ["great", "excellent", "good"]],
        ["a different film", "a similar film"],
    ],
}
ROWS: dict[str, dict[str, Any] | None] = {
    "linear": None,
    "words": {},
    "words-calibrated": {"calibrated": True},
    "words-soft": {"soft": True},
    "words-soft-calibrated": {"soft": True, "calibrated": True},
}
STEPS, CHECKS = 200, 8


def recipe(row: str, size: str, steps: int = STEPS) -> dict[str, Any]:
    """The configuration of a row at a size."""
    trained = {"steps": steps, "checks": CHECKS, "rate": 2e-3} if size != "0" else {}
    head = None if ROWS[row] is None else {"words": WORDS, **ROWS[row]}
    return {
        "row": row,
        "examples": size,
        "preset": "all-minilm-l6-v2",
        "template": TEMPLATE,
        "encoder": {"prompt_layer": 5, "dropout": 0.1, "upper_dropout": 0.1},
        "verbalizer": head,
        "batch_size": 16,
        **trained,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--sizes", default=",".join(SIZES), help="examples of each class")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--steps", type=int, default=STEPS, help="of every trained run")
    parser.add_argument("--choose", action="store_true", help="print what validation says of words")
    parser.add_argument("--output", type=Path, help="default: results/verbalizers-DATA.json")
    options = parser.parse_args(arguments)
    rows, sizes = options.rows.split(","), options.sizes.split(",")
    if unknown := [row for row in rows if row not in ROWS]:
        parser.error(f"rows are {', '.join(ROWS)}; received {', '.join(unknown)}")
    data = tp.data.load(options.data)
    split = data.ratio()
    if options.choose:
        choose(split, LIKE.get(options.data, 4.0))
        return
    path = options.output or judged.RESULTS / f"verbalizers-{options.data}.json"
    described = {
        "name": "ratio",
        "fingerprint": split.fingerprint,
        "like": LIKE.get(options.data, 4.0),
        "users": len(split.test),
        "pairs": len(split.test.targets),
    }
    result = judged.open_results(path, "verbalizers", data, described)
    plan = [
        (f"{row}-{size}", seed, recipe(row, size, options.steps))
        for seed in range(options.seeds)
        for size in sizes
        for row in rows
        if not (size == "0" and (seed or row == "linear" or "soft" in row))
    ]
    judged.run_all(path, result, plan, work)


def choose(split: Any, like: float) -> None:
    """AUC on validation of every wording and words, untrained."""
    loaded = tp.encoders.load_backbone("all-minilm-l6-v2")
    for template in CHOICES["templates"]:
        for words in CHOICES["words"]:
            found = recipe("words", "0") | {"template": template, "verbalizer": {"words": words}}
            model = build(found, split, 0, like, loaded)
            print(f"{auc(model, split, like):.4f}  {words}  {template}", flush=True)


def auc(model: Any, split: Any, like: float) -> float:
    """Of the validation part."""
    return float(tp.judge(model, split.validation, like=like).measures["auc"])


def build(recipe: dict[str, Any], split: Any, seed: int, like: float, loaded: Any = None) -> Any:
    """The ranker of a recipe."""
    from tfprompt.prompts import Verbalizer
    from tfprompt.tasks.objective import Objective

    loaded = loaded or tp.encoders.load_backbone(recipe["preset"])
    encoder = tp.PromptedEncoder(loaded, recipe["template"], seed=seed, **recipe["encoder"])
    words = dict(recipe["verbalizer"] or {})
    verbalizer = Verbalizer.of(words.pop("words"), **words) if words else None
    return tp.Ranker(
        encoder, split.train.catalog, Objective("like", like=like), verbalizer=verbalizer,
        bias=False, seed=seed,
    )  # fmt: skip


def work(data: str, row: str, seed: int, recipe: dict[str, Any]) -> dict[str, Any]:
    """Trains one row on its examples, and looks at the test part once."""
    like = LIKE.get(data, 4.0)
    split = tp.data.load(data).ratio()
    if recipe["examples"] != "0":
        split = tp.data.few_shot(
            split, examples=int(recipe["examples"]), like=like, seed=seed, history=5
        )
    model = build(recipe, split, seed, like)
    facts: dict[str, Any] = {"template": recipe["template"]}
    if recipe["examples"] != "0":
        facts |= train(model, split, recipe, seed)
    measures, interval = judged.judged(model, split.test, like)
    return {"test": measures, "interval": interval, "validation": auc(model, split, like), **facts}


def train(model: Any, split: Any, recipe: dict[str, Any], seed: int) -> dict[str, Any]:
    """So many steps whatever the number of examples; ends with what was best on validation."""
    import keras
    from measuring import count_parameters

    model.prepare()
    model.mark_warm(split.train)
    passes = itertools.count()
    pairs = model.pipeline.training(
        split.train, batch_size=recipe["batch_size"], seed=seed, epoch=lambda: next(passes)
    ).repeat()
    each = max(1, recipe["steps"] // recipe["checks"])
    model.compile(keras.optimizers.AdamW(recipe["rate"], weight_decay=0.01, global_clipnorm=1.0))
    best = tp.training.BestWeights(split.validation, "val_auc")
    began = time.perf_counter()
    history = model.fit(
        pairs, validation_data=split.validation, epochs=recipe["checks"], steps_per_epoch=each,
        callbacks=[best], verbose=2,
    ).history  # fmt: skip
    return {
        "seconds": time.perf_counter() - began,
        "parameters": count_parameters(model),
        "best_step": best.best_epoch * each,
        "curve": [float(value) for value in history["val_auc"]],
    }


if __name__ == "__main__":
    sys.exit(main())
