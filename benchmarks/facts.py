"""Do facts of a knowledge graph help where clicks are missing? Items that training never shows.

    nice python benchmarks/facts.py

A text-only retriever with and without the vectors of Freebase facts, on validation: after each
epoch, all items ranked. One seed and few epochs: it says which way, not how much.
"""

from __future__ import annotations

import argparse
import datetime
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
    "text and facts, weight 0.5": {"fact_vector": 0.5},
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
        "command": results.command(),
        "date": datetime.date.today().isoformat(),
        "machine": results.machine(),
        "versions": results.versions(),
        "summary": summary,
    }
    write_json(settings.output, result)


if __name__ == "__main__":
    sys.exit(main())
