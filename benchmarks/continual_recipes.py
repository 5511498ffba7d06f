"""The streams and methods of benchmarks/continual.py, each method with what is tried for it."""

from __future__ import annotations

import copy
from typing import Any

import recipes

# Narrow genres first: a film of several belongs to the first of these that it has.
STREAMS: dict[str, dict[str, Any]] = {
    "genre": {
        "kind": "markets",
        "column": "genres",
        "values": ["Children's", "Horror", "Sci-Fi", "Romance", "Crime"],
    },
    "period": {"kind": "periods", "n": 5},
}
# MovieTweetings calls the genre of films for children otherwise.
OF_DATA: dict[tuple[str, str], dict[str, Any]] = {
    ("movietweetings-100k", "genre"): {
        "values": ["Animation", "Horror", "Sci-Fi", "Romance", "Crime"]
    },
}
COURSE = {"epochs": 10, "rate": 2e-3, "batch_size": 32}
# Each method is tried three times on the validation part with one seed, or less where it has
# nothing to choose.
RATES = [{"course": {"later_rate": rate}} for rate in (2e-3, 5e-4, 8e-3)]
# Prompts alone move slowly, and what is frozen around them stays as it was.
PROMPT_RATES = [{"course": {"later_rate": rate}} for rate in (2e-3, 1e-2, 3e-2)]
SOFT = recipes.BASE["template"]
POOL = SOFT.replace("{soft:8}", "{pool:2x4 of 20}")
PROMPTS = {"later": ["prompts"]}
ROWS: dict[str, dict[str, Any]] = {
    "first-only": {"method": "FirstOnly"},
    "joint": {"method": "Joint"},
    "fine-tune": {"method": "FineTune", "tries": RATES},
    "fine-tune-prompt": {"method": "FineTune", "options": PROMPTS, "tries": PROMPT_RATES},
    "fine-tune-items": {
        "method": "FineTune",
        "options": {"later": ["items", "temperature"]},
        "tries": RATES,
    },
    "prompt-per-stage": {"method": "PromptPerStage", "tries": PROMPT_RATES},
    # Backbone and reading are shared, prompt and item projection are the stage's own.
    "items-per-stage": {
        "method": "PromptPerStage",
        "options": {"later": ["soft", "items", "temperature"]},
        "tries": RATES,
    },
    "pool": {"method": "Pool", "template": POOL, "tries": PROMPT_RATES},
    "pool-all": {
        "method": "Pool",
        "template": POOL,
        "options": {"later": ["prompts", "items", "temperature"]},
        "tries": RATES,
    },
    "replay": {"method": "Replay", "options": {"size": 200}, "tries": RATES},
    # A pool whose shared parts go on learning too, with the same memory.
    "pool-replay": {
        "method": "Replay",
        "template": POOL,
        "options": {"size": 200},
        "tries": RATES,
    },
    "ewc": {
        "method": "Regularised",
        "options": {"importance": "fisher"},
        "tries": [{"options": {"weight": weight}} for weight in (1e3, 1e4, 1e2)],
    },
    "l2": {
        "method": "Regularised",
        "options": {"importance": "equal"},
        "tries": [{"options": {"weight": weight}} for weight in (1e-2, 1e-1, 1.0)],
    },
}


def tries(row: str, epochs: int | None = None, most: int | None = None) -> list[recipes.Recipe]:
    """The configurations of a row that validation chooses among, in types that JSON has.

    Args:
        row: a key of `ROWS`.
        epochs: replaces the course's own.
        most: only so many, the first ones.
    """
    found = []
    for changes in ROWS[row].get("tries", [{}])[:most]:
        made = {key: copy.deepcopy(recipes.BASE[key]) for key in ("preset", "encoder", "model")}
        made |= {
            "template": ROWS[row].get("template", SOFT),
            "method": ROWS[row]["method"],
            "course": {**COURSE, **changes.get("course", {})},
            "options": {**ROWS[row].get("options", {}), **changes.get("options", {})},
        }
        if epochs is not None:
            made["course"]["epochs"] = epochs
        found.append(made)
    return found


def stream_of(data: str, by: str) -> Any:
    """The stream of a data set."""
    import tfprompt as tp

    options = {**STREAMS[by], **OF_DATA.get((data, by), {})}
    make = {"markets": tp.continual.markets, "periods": tp.continual.periods}[options.pop("kind")]
    return make(tp.data.load(data), **options)
