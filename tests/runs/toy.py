"""A data set and a backbone small enough to train in seconds, as files a command can be given."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import tfprompt  # noqa: F401  (before keras_hub: it sets the environment)
from tests.tiny import WORDS, tiny_tokenizer
from tfprompt.encoders.loading import randomize
from tfprompt.runs import RunConfig

USERS, ITEMS = 40, 30


def write_backbone(directory: Path) -> Path:
    """A KerasHub preset directory of a tiny random BERT: 3 layers of width 16."""
    import keras_hub

    tokenizer = tiny_tokenizer("bert")
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        num_layers=3,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=32,
        dropout=0.1,
        max_sequence_length=64,
    )
    # Wide weights: with the usual 0.02 all texts of so small a network look alike.
    randomize(backbone, 0, deviation=0.2)
    backbone.save_to_preset(str(directory))
    tokenizer.save_to_preset(str(directory))
    return directory


def write_tables(directory: Path) -> dict[str, str]:
    """events.csv, items.csv and users.csv: each user walks through the catalog by a fixed step."""
    directory.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    words = [word for word in WORDS if len(word) > 3]
    items = [[f"i{n}", " ".join(draw.sample(words, 3)), 1980 + n] for n in range(ITEMS)]
    users = [[f"u{n}", 20 + n, draw.choice(["artist", "engineer"])] for n in range(USERS)]
    events = []
    for n in range(USERS):
        place, step = draw.randrange(ITEMS), draw.choice([1, 1, 1, 7])
        for time in range(draw.randrange(5, 14)):
            events.append([f"u{n}", f"i{place}", 5, 10**9 + 1000 * n + time])
            place = (place + step) % ITEMS
    tables = {
        "interactions": (["user_id", "item_id", "rating", "timestamp"], events),
        "items": (["item_id", "title", "year"], items),
        "users": (["user_id", "age", "occupation"], users),
    }
    paths = {}
    for name, (header, rows) in tables.items():
        path = directory / f"{name}.csv"
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        paths[name] = str(path)
    return paths


def options(backbone: Path, tables: dict[str, str], **others: Any) -> dict[str, Any]:
    """The settings of a run of seconds."""
    return {
        **tables, "encoder": str(backbone), "item_text": "{title} ({year})", "epochs": 4,
        "template": "{soft:2} {age} year old {occupation} who watched {history:items}",
        "batch_size": 8, "collaborative": 4, "max_history": 8, "learning_rate": 0.01,
        "strategy": "one", **others,
    }  # fmt: skip


def config(backbone: Path, tables: dict[str, str], **others: Any) -> RunConfig:
    """The configuration of a run of seconds."""
    return RunConfig(**options(backbone, tables, **others))


def command_line(settings: dict[str, Any]) -> list[str]:
    """The same settings as options of `tfprompt fit`."""
    words = []
    for name, value in settings.items():
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words
