"""A data set small enough to know by heart, and models over a tiny random backbone."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import polars as pl

from tests.tiny import tiny_loaded_backbone
from tfprompt.data.dataset import Dataset
from tfprompt.data.reading import read
from tfprompt.encoders.loading import LoadedBackbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.models.retriever import Retriever

WIDTH, LAYERS, ITEMS, USERS = 32, 3, 12, 8
TEMPLATE = "{soft:2} user {age} {occupation} watched {history:items}"
TITLES = (
    "toy story", "star wars", "red king", "blue city", "good night", "bad world",
    "new queen", "old man", "love drama", "action comedy", "night city", "woman of war",
)  # fmt: skip
# 2001-09-09 01:46:40 UTC, a Sunday; each event of a user comes 5 hours after the one before.
FIRST_MOMENT_S, STEP_S = 1_000_000_000, 5 * 3600


@functools.cache
def backbone(family: str = "bert", seed: int = 0) -> LoadedBackbone:
    """One tiny backbone a family, shared by all tests: nothing may change it."""
    return tiny_loaded_backbone(layers=LAYERS, width=WIDTH, family=family, seed=seed)


@functools.cache
def dataset(items: int = ITEMS, users: int = USERS) -> Dataset:
    """Users of 4 to 9 events over the first items; the last item occurs nowhere (it is cold)."""
    rng = np.random.default_rng(0)
    rows: list[tuple[str, str, float, str | None]] = []
    for user in range(users):
        for step, item in enumerate(rng.permutation(items - 1)[: 4 + user % 6]):
            device = [None, "tv", "web"][(user + step) % 3]
            moment = FIRST_MOMENT_S + step * STEP_S + user
            rows.append((f"u{user}", f"i{item}", float(moment), device))
    events = pl.DataFrame(rows, ["user_id", "item_id", "timestamp", "device"], orient="row")
    catalog = pl.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(items)],
            "title": [TITLES[i % len(TITLES)] + " x" * (i // len(TITLES)) for i in range(items)],
        }
    )
    people = pl.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(users)],
            "age": [None if i == 2 else 20 + i for i in range(users)],
            "occupation": [[None, "artist", "student"][i % 3] for i in range(users)],
        }
    )
    return read(events, catalog, people, item_text="{title}", name="toy")


def encoder(template: str = TEMPLATE, family: str = "bert", **options: Any) -> PromptedEncoder:
    """An encoder without dropout, its seam in the middle."""
    settings = {"prompt_layer": 1, "dropout": 0.0, "upper_dropout": 0.0, "max_history": 6}
    settings |= options
    return PromptedEncoder(backbone(family), template, **settings)


def retriever(
    template: str = TEMPLATE, *, data: Dataset | None = None, **options: Any
) -> Retriever:
    """A retriever over the toy data; options of the encoder under `encoder`."""
    of_encoder = options.pop("encoder", {})
    return Retriever(encoder(template, **of_encoder), (data or dataset()).items, **options)


def moved(model: Retriever, by: float = 0.3) -> Retriever:
    """The model, prepared, with every trained value away from its start and its items warm."""
    model.prepare()
    model.mark_warm(dataset().leave_one_out().train)
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(variable.value + by * rng.normal(size=variable.shape).astype("float32"))
    return model


def trained_values(model: Retriever) -> dict[str, np.ndarray]:
    """Copies of what training changes, by path within the model."""
    return {v.path.split("/", 1)[-1]: np.array(v.value) for v in model.trainable_variables}


def batches(model: Retriever, batch_size: int = 3, seed: int = 0) -> list[Any]:
    """The training batches of the first epoch, as tensors."""
    model.prepare()
    train = dataset().leave_one_out().train
    data = model.pipeline.training(train, batch_size=batch_size, seed=seed, epoch=lambda: 0)
    return list(data)
