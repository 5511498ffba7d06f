"""One stage against two, and what diversity, caps and freshness cost.

    python benchmarks/two_stage.py --data movielens-100k --seeds 3

Leave-one-out, all items ranked. The first stage is the retriever of benchmarks/quality.py; the
second a late-interaction ranker of clicks whose negatives are what that retriever offers; it starts
from what is taken together. "untrained" has that item-kNN alone for its second stage, so that the
difference is what prompts add. The blend of both scores is chosen on validation. Latency is that of
the exported SavedModel, one request at a time, on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import judged
import numpy as np
import recipes

import tfprompt as tp

RANKER: dict[str, Any] = {
    "preset": "all-minilm-l6-v2",
    "template": "{soft:8} a person who liked {history:items} will like {item:token}",
    "encoder": {"max_history": 50, "dropout": 0.2, "upper_dropout": 0.1},
    "model": {"collaborative": 96, "steps": 8},
    # On top of what is taken together the prompts overfit the shortlists of training within an
    # epoch, so they take small steps (validation NDCG@10 of the blend: 2e-3 .117, 2e-4 .123).
    "rate": 2e-4,
    "epochs": 1,
    "patience": 2,
    "batch_size": 32,
}
RETRIEVE, RANK = 200, 20
BLENDS = [step / 20 for step in range(21)]
# How the final list is put in order: row of the table → settings of the recommender.
ORDERS: dict[str, dict[str, Any]] = {
    "two-stage": {},
    "diverse-0.1": {"diversity": 0.1},
    "diverse-0.3": {"diversity": 0.3},
    "diverse-0.5": {"diversity": 0.5},
    "caps-4": {"caps": 4},
    "fresh": {"freshness": 0.3, "half_life": 5.0},
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="movielens-100k", choices=tp.data.names())
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 … n-1")
    parser.add_argument("--epochs", type=int, help="of both stages, at most")
    parser.add_argument(
        "--output", type=Path, help="default: benchmarks/results/two-stage-DATA.json"
    )
    options = parser.parse_args(arguments)
    path = options.output or judged.RESULTS / f"two-stage-{options.data}.json"
    data = tp.data.load(options.data)
    split = data.leave_one_out()
    described = {"name": split.name, "fingerprint": split.fingerprint}
    result = judged.open_results(path, "two-stage", data, described)
    recipe = {
        "retriever": recipes.recipe(options.data, "leave-one-out", "collaborative", options.epochs),
        "ranker": RANKER | ({"epochs": options.epochs} if options.epochs else {}),
        "orders": ORDERS,
    }
    judged.run_all(path, result, [("stages", seed, recipe) for seed in range(options.seeds)], work)


def work(data: str, row: str, seed: int, recipe: dict[str, Any]) -> dict[str, Any]:
    """Trains both stages, chooses the blend on validation, looks at the test part once."""
    import keras
    from prompted import build, make_optimizer

    split = tp.data.load(data).leave_one_out()
    plan = recipe["retriever"]
    retriever = build(plan, split, seed)
    retriever.compile(optimizer=make_optimizer(plan, split))
    stop = keras.callbacks.EarlyStopping(
        "val_ndcg_at_10", mode="max", patience=plan["patience"], restore_best_weights=True
    )
    began = time.perf_counter()
    retriever.fit(
        split.train, validation_data=split.validation, epochs=plan["epochs"],
        batch_size=plan["batch_size"], callbacks=[stop], verbose=2,
    )  # fmt: skip
    first_seconds = time.perf_counter() - began
    from tfprompt.tasks.objective import Objective

    ranker = judged.ranker(
        recipe["ranker"], split.train, seed, Objective("click", "softmax"),
        loaded=retriever.encoder.loaded,
    )  # fmt: skip
    ranker.start_from(retriever)
    ranker.prepare()
    ranker.mark_warm(split.train)
    # Before any training its head is zero: the second stage is the item-kNN inside it.
    untrained = tp.Recommender(retriever, ranker, retrieve=RETRIEVE, rank=RANK)
    untrained.tune(split.validation, BLENDS)
    reports = {"untrained": tp.evaluate(untrained, split.test, baselines=False)}
    test = _measures(
        "untrained", reports["untrained"], untrained.lists(split.test)[:, :10], retriever
    )
    facts = judged.fit(
        ranker, recipe["ranker"], split.train, split.validation, "val_ndcg_at_10", "max",
        shortlist=retriever, shortlist_size=RETRIEVE,
    )  # fmt: skip
    model = tp.Recommender(retriever, ranker, retrieve=RETRIEVE, rank=RANK)
    blends = model.tune(split.validation, BLENDS)
    with tempfile.TemporaryDirectory() as folder:
        test["one-stage_ms"] = latency(retriever.export(Path(folder) / "one" / "1", k=10), split)
        reports["one-stage"] = tp.evaluate(retriever, split.test, baselines=False)
        test |= _measures("one-stage", reports["one-stage"], _lists(retriever, split), retriever)
        for name, settings in recipe["orders"].items():
            model = tp.Recommender(
                retriever, ranker, retrieve=RETRIEVE, rank=RANK, blend=model.blend, **settings
            )
            reports[name] = tp.evaluate(model, split.test, baselines=False)
            test |= _measures(name, reports[name], model.lists(split.test)[:, :10], retriever)
            if name in ("two-stage", "diverse-0.3"):
                exported = model.export(Path(folder) / name / "1", k=10)
                test[f"{name}_ms"] = latency(exported, split)
    from tfprompt.evaluation import compare

    two = reports["two-stage"]
    return {
        "test": test,
        "interval": {n: list(r.interval["ndcg@10"]) for n, r in reports.items()},
        "two minus one, ndcg@10": compare(two, reports["one-stage"])["ndcg@10"],
        "two minus untrained, ndcg@10": compare(two, reports["untrained"])["ndcg@10"],
        "blend": model.blend,
        "validation by blend": {str(k): v for k, v in blends.items()},
        "retriever_seconds": first_seconds,
        **facts,
    }


def _lists(retriever: Any, split: Any) -> np.ndarray:
    from tfprompt.models.shortlist import request_shortlist

    return request_shortlist(retriever, split.test, 10)


def _measures(name: str, report: Any, lists: np.ndarray, retriever: Any) -> dict[str, float]:
    """NDCG and HR at 10 and what the lists of ten look like."""
    from tfprompt.evaluation import list_diversity

    vectors = np.asarray(retriever.item_table.vectors)
    found = list_diversity(lists, vectors).to_dict()
    kept = {key: float(report[key]) for key in ("ndcg@10", "hr@10")}
    return {f"{name}_{key}": float(value) for key, value in {**kept, **found}.items()}


def latency(directory: Path, split: Any, requests: int = 200) -> float:
    """Milliseconds of one request: the median over the first requests of the test part."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(directory)).signatures["serving_default"]
    specs = signature.structured_input_signature[1]
    ids = split.train.catalog.ids
    taken = []
    for row in range(min(requests + 10, len(split.test))):
        history = ids[split.test.history(row)][-50:].tolist()
        given = {"history": [history], "wish": [""], "exclude": [[""]], "prompt": [""], "k": [10]}
        inputs = {name: tf.constant(given[name], spec.dtype) for name, spec in specs.items()}
        began = time.perf_counter()
        signature(**inputs)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[10:])) * 1000


if __name__ == "__main__":
    sys.exit(main())
