"""What the benchmarks of wishes share: a trained model, scores of a wish, lists of items."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import recipes
import results

import tfprompt as tp

DATA, SPLIT, ROW = "movielens-100k", "leave-one-out", "text"
# Row of the result → (the trained model or the untrained text, the wish as read or as written).
ROWS = {
    "model": ("model", True),
    "model, wish as written": ("model", False),
    "content": ("content", True),
    "content, wish as written": ("content", False),
}


def options(description: str, default: Path) -> argparse.ArgumentParser:
    """The arguments of both benchmarks."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=1, help="seeds 0 … n-1")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument(
        "--model", type=Path, default=Path("runs/wishes"),
        help="where trained prompts are kept, seed-0, seed-1 …; what is there is not trained again",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=default)
    return parser


def trained(directory: Path, seed: int, epochs: int) -> Any:
    """The text-only retriever of that seed, from `directory` where it is kept."""
    from prompted import build, make_optimizer
    from rows import make_split

    kept = directory / f"seed-{seed}"
    if (kept / "prompts.json").exists():
        model = tp.load(kept, tp.data.load(DATA).items)
        if model.epochs_done != epochs:
            raise SystemExit(
                f"{kept} was trained for {model.epochs_done} epochs, not {epochs}; choose another "
                "--model or --epochs."
            )
    else:
        recipe, split = recipes.recipe(DATA, SPLIT, ROW, epochs), make_split(DATA, SPLIT)
        model = build(recipe, split, seed)
        model.compile(optimizer=make_optimizer(recipe, split))
        model.fit(split.train, epochs=epochs, batch_size=recipe["batch_size"], verbose=2)
        model.save_prompts(kept)
    model.prepare()
    return model


def scores(model: Any, text: str, kind: str, read: bool) -> np.ndarray:
    """Scores of all items `[N]` for a wish alone.

    Args:
        model: the retriever; its item table serves the untrained similarity too.
        text: the wish.
        kind: "model", or "content": the similarity of the texts alone.
        read: as `tp.recommend` reads it; else the text goes into the encoder as it is written.
    """
    from tfprompt.data.request import Request
    from tfprompt.encoders import encode_texts
    from tfprompt.models import wishes
    from tfprompt.models.request_inputs import request_inputs
    from tfprompt.models.wish_reading import ReadWish, read_wish
    from tfprompt.prompts.wish import Wish

    if read:
        wish = read_wish(model, text)
    else:
        raw = encode_texts(model.encoder.loaded, [text], cache=False, progress=False)
        vector = np.asarray(model.item_table.from_text(raw))  # cut at the tokenizer's limit
        wish = ReadWish(Wish(text), vector, vector[:0])
    denied = wish.unwanted.sum(axis=0, keepdims=True)
    if kind == "content":
        vectors = np.asarray(model.item_table.all_items()[0])
        return vectors @ (wish.wanted - wishes.UNWANTED_SHARE * denied)[0]
    query = model(request_inputs(model, Request(wish=text), wish))
    return (
        np.asarray(wishes.wish_candidates(model))
        @ np.asarray(wishes.wish_queries(model, query, wish.wanted, denied))[0]
    )


def best(values: np.ndarray, k: int = 10) -> list[int]:
    """Rows of the k best items."""
    return np.argsort(-values, kind="stable")[:k].tolist()


def header(benchmark: str, settings: argparse.Namespace) -> dict[str, Any]:
    """What a result file says of itself."""
    data = tp.data.load(DATA)
    return {
        "format": 1,
        "benchmark": benchmark,
        "date": results.now(),
        **results.origin(),
        "data": results.describe_data(data),
        "recipe": recipes.recipe(DATA, SPLIT, ROW, settings.epochs),
        "seeds": list(range(settings.seeds)),
    }
