"""Do facts of a knowledge graph help where clicks are missing? Items that training never shows.

    TFPROMPT_DATA=data nice python benchmarks/facts.py      # with movielens-latest-small in it

A text-only retriever with and without the vectors of Freebase facts, on validation: after each
epoch, all items ranked. One seed and few epochs: it says which way, not how much.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import results

import tfprompt as tp
from tfprompt._files import write_json

DATA = "movielens-100k"
TEMPLATE = "a person who liked these items will like next {soft:8} {history:items}"
ROWS: dict[str, dict[str, float]] = {
    "text": {},
    "text and facts, weight 1": {"fact_vector": 1.0},
}


def main(arguments: list[str] | None = None) -> None:
    import keras

    default = Path(__file__).parent / "results" / f"facts-{DATA}-cold-items.json"
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=default)
    settings = parser.parse_args(arguments)
    data = tp.data.load(DATA, facts=True)
    split = data.cold_items()
    loaded = tp.encoders.load_backbone("all-minilm-l6-v2")
    summary: dict[str, Any] = {}
    untrained = content(loaded, data, split.validation)
    for name, vectors in ROWS.items():
        keras.utils.set_random_seed(settings.seed)
        encoder = tp.PromptedEncoder(loaded, TEMPLATE, max_history=50)
        model = tp.Retriever(encoder, data.items, item_vectors=vectors, seed=settings.seed)
        began = time.monotonic()
        history = model.fit(
            split.train, validation_data=split.validation, epochs=settings.epochs, verbose=2
        ).history
        summary[name] = {
            "ndcg@10": history["val_ndcg_at_10"],
            "hr@10": history["val_hr_at_10"],
            "seconds": time.monotonic() - began,
            "trained_parameters": model.trainable_parameters,
        }
        print(name, summary[name], flush=True)
    result = {
        "benchmark": "facts",
        "data": {"name": DATA, "items": len(data.items), "fingerprint": data.fingerprint},
        "split": {"name": split.name, "validation_requests": len(split.validation)},
        "template": TEMPLATE,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "date": results.now(),
        **results.origin(),
        "items_with_facts": int(data.items.vectors["fact_vector"].any(axis=1).sum()),
        "untrained": untrained,
        "summary": summary,
    }
    write_json(settings.output, result)


def content(loaded: Any, data: Any, requests: Any) -> dict[str, dict[str, float]]:
    """NDCG@10 and HR@10 of the untrained similarity of a history's mean and each item."""
    from tfprompt.evaluation.baselines.content import ContentSimilarity

    found = {}
    for name, vectors in {**ROWS, "facts": {"fact_vector": 1.0}}.items():
        encoder = tp.PromptedEncoder(loaded, TEMPLATE, max_history=50)
        model = tp.Retriever(encoder, data.items, item_vectors=vectors)
        model.prepare()
        table = model.item_table.all_items()[0]
        if name == "facts":
            table = model.item_table.parts(table)[1]["fact_vector"]
        report = tp.evaluate(
            ContentSimilarity(table), requests, k=(10,), baselines=False, bootstrap=0,
            progress=False,
        )  # fmt: skip
        found[name] = {measure: float(report[measure]) for measure in ("ndcg@10", "hr@10")}
        print("untrained", name, found[name], flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
