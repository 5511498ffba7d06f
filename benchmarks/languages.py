"""Does a wish in another language find the film? Its title in German, French and Spanish.

    python benchmarks/languages.py

The similarity that a wish adds to a score (`wish_weight`), without anything trained, of an
English backbone and of a multilingual one. A film is found where it stands among the first ten.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import results

import tfprompt as tp
from tfprompt._files import write_json
from tfprompt.evaluation.intervals import bootstrap_interval

DATA = "movielens-100k"
BACKBONES = ("all-minilm-l6-v2", "multilingual-e5-small")
TITLES = Path(__file__).parent / "film_titles.jsonl"
LANGUAGES = ("English", "German", "French", "Spanish")


def main(arguments: list[str] | None = None) -> None:
    default = Path(__file__).parent / "results" / f"languages-{DATA}.json"
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--output", type=Path, default=default)
    settings = parser.parse_args(arguments)
    items = tp.data.load(DATA).items
    films = [json.loads(line) for line in TITLES.read_text(encoding="utf-8").splitlines()]
    result: dict[str, Any] = {
        "benchmark": "languages",
        "data": {"name": DATA, "items": len(items), "fingerprint": items.fingerprint},
        "films": len(films),
        "date": results.now(),
        **results.origin(),
        "summary": {},
    }
    for backbone in BACKBONES:
        encoder = tp.PromptedEncoder.from_preset(backbone, "{history:items}")
        model = tp.Retriever(encoder, items)
        model.prepare()
        for language in LANGUAGES:
            places = np.array([place(model, film, language) for film in films])
            row = {"hit@10": places < 10, "mrr": 1 / (places + 1.0)}
            values = np.stack(list(row.values()), axis=1).astype(float)
            low, high = bootstrap_interval(values)
            result["summary"].setdefault(backbone, {})[language] = {
                name: {"mean": float(values[:, at].mean()), "low": float(low[at]),
                       "high": float(high[at])}
                for at, name in enumerate(row)
            }  # fmt: skip
            print(backbone, language, places.tolist(), flush=True)
    write_json(settings.output, result)


def place(model: Any, film: dict[str, str], language: str) -> int:
    """Where the film stands among all for a wish, from 0; the first of equal titles counts."""
    from tfprompt.models.wish_reading import read_wish

    titles = model.catalog.frame["title"].to_list()
    name, _, article = film["title"].partition(", ")
    text = film.get(language, f"{article} {name}".strip())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tp.errors.WishWarning)
        wanted = read_wish(model, text).wanted[0]
    vectors = np.asarray(model.item_table.all_items()[0])
    order = np.argsort(-(vectors @ wanted), kind="stable").tolist()
    return min(order.index(row) for row, title in enumerate(titles) if title == film["title"])


if __name__ == "__main__":
    sys.exit(main())
