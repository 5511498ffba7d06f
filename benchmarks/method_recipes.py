"""What each row of the comparison of methods is, and what is tried to tune it.

Every row is `recipes.BASE` with changes: the same items, words, optimizer and epochs. Each method
is given three settings to try on validation; a row that only starts a method otherwise, or adds
something to it, takes what its method chose (`TUNED_AS`).
"""

from __future__ import annotations

import copy
from typing import Any

import recipes
from recipes import Recipe

WORDS = "a person who liked these items will like next"
IDS = {"collaborative": 96}
# Epochs of a run, of a trial, and the trials' seed.
EPOCHS, TRIAL_EPOCHS, TRIAL_SEED = 3, 2, 0
RATES: list[Recipe] = [{"optimizer": {"rate": rate}} for rate in (2e-3, 5e-3, 1.25e-2)]
# Of methods whose own strength is tried instead: what validation prefers of the rates above for
# nearly all of the others.
USUAL = {"optimizer": {"rate": 2e-3}}


def _template(segment: str, before: str = WORDS) -> Recipe:
    return {"template": f"{before} {segment} {{history:items}}".replace("  ", " ").strip()}


def _tuned(tuning: Any, segment: str = "", **encoder: Any) -> Recipe:
    return {**_template(segment), **USUAL, "encoder": {"tuning": tuning, **encoder}}


def _tuned_trials(key: str, method: str, values: tuple[float, ...], **more: Any) -> list[Recipe]:
    """Trials of a method's own setting."""
    return [{"encoder": {"tuning": {"method": method, key: value, **more}}} for value in values]


_ALL = ["query", "key", "value", "attention_output", "intermediate", "output"]
_FULL = _tuned_trials("speed", "full", (0.03, 0.1, 0.3))
# Two layers and more bear less: rates of 2e-5 to 2e-4, as is usual for a whole network.
_FULL_DEEP = _tuned_trials("speed", "full", (0.01, 0.03, 0.1))
_LORA = _tuned_trials("alpha", "lora", (0.5, 2.0, 8.0), rank=8)
_LORA_ALL = _tuned_trials("alpha", "lora", (0.5, 2.0, 8.0), rank=8, targets=_ALL)

# Name → (family, changes, trials).
METHODS: dict[str, tuple[str, Recipe, list[Recipe]]] = {
    "probe": ("nothing", {"template": "{history:items}"}, RATES),
    "words": ("nothing", _template(""), RATES),
    "soft 1": ("soft", _template("{soft:1}"), RATES),
    "soft 8": ("soft", _template("{soft:8}"), RATES),
    "soft 32": ("soft", _template("{soft:32}"), RATES),
    "soft 8, no words": ("soft", _template("{soft:8}", ""), RATES),
    "soft 8 from words": ("soft", _template('{soft:8 "recommend the next film to watch"}'), RATES),
    "soft 8 from vocabulary": ("soft", _template("{soft:8 vocabulary}"), RATES),
    "soft 8 from labels": ("soft", _template("{soft:8 labels genres}"), RATES),
    "soft 8 from items": ("soft", _template("{soft:8 items}"), RATES),
    "soft 8 from elsewhere": (
        "soft", {**_template("{soft:8}"), "source": {"parts": ["soft"]}}, RATES),
    "soft 8, all from elsewhere": (
        "soft", {**_template("{soft:8}"), "source": {"parts": []}}, RATES),
    "soft 8 with network": ("soft", _template("{soft:8 mlp}"), RATES),
    "soft 8, four members": (
        "soft", {**_template("{soft:8}"), "encoder": {"ensemble": 4}}, RATES),
    "soft 8, two layers": (
        "soft", {**_template("{soft:8}"), "encoder": {"prompt_layer": 4}}, RATES),
    "deep 8, two layers": (
        "deep", {**_template("{soft:8}"), "encoder": {"deep": True, "prompt_layer": 4}}, RATES),
    "personal: id": ("personal", _template("{soft:4} {user:personal 4}"), RATES),
    "personal: profile": (
        "personal",
        _template("{soft:4} {age:personal 1} {gender:personal 1} {occupation:personal 2}"), RATES),
    "personal: history": ("personal", _template("{soft:4} {history:personal 4}"), RATES),
    "personal: hour": ("personal", _template("{soft:4} {hour:personal 4}"), RATES),
    "tasks: occupation": ("tasks", _template("{occupation:task 8}"), RATES),
    "pool 4x2 of 20": ("pool", _template("{pool:4x2 of 20}"), RATES),
    "LoRA": ("beside", _tuned({"method": "lora", "rank": 8}), _LORA),
    "LoRA, all projections": ("beside", _tuned({"method": "lora", "rank": 8}), _LORA_ALL),
    "AdaLoRA": (
        "beside", _tuned("adalora:4"),
        _tuned_trials("alpha", "adalora", (1.0, 4.0, 16.0), target_rank=4)),
    "adapter 16": ("beside", _tuned("adapter:16"), RATES),
    "IA3": ("beside", _tuned("ia3"), RATES),
    "BitFit": ("beside", _tuned("bitfit"), RATES),
    "LayerNorm": ("beside", _tuned("layer_norm"), RATES),
    "full, one layer": ("full", _tuned({"method": "full"}), _FULL),
    "full, two layers": ("full", _tuned({"method": "full"}, prompt_layer=4), _FULL_DEEP),
    "full, six layers": ("full", _tuned({"method": "full"}, prompt_layer=0), _FULL_DEEP),
    "soft 8 + LayerNorm": ("combined", _tuned("layer_norm", "{soft:8}"), RATES),
    "soft 8 + LoRA": ("combined", _tuned({"method": "lora", "rank": 8}, "{soft:8}"), _LORA_ALL),
    "ids: words": ("ids", {**_template(""), "model": IDS}, RATES),
    "ids: soft 8": ("ids", {**_template("{soft:8}"), "model": IDS}, RATES),
    "ids: soft 8 + LayerNorm": ("ids", {**_tuned("layer_norm", "{soft:8}"), "model": IDS}, RATES),
    "ids: full, one layer": ("ids", {**_tuned({"method": "full"}), "model": IDS}, _FULL),
}  # fmt: skip

# Rows that take the setting that validation chose for another row, instead of trials of their own.
TUNED_AS = {
    "soft 8, no words": "soft 8",
    "soft 8 from words": "soft 8",
    "soft 8 from vocabulary": "soft 8",
    "soft 8 from labels": "soft 8",
    "soft 8 from items": "soft 8",
    "soft 8 from elsewhere": "soft 8",
    "soft 8, all from elsewhere": "soft 8",
    "soft 8 with network": "soft 8",
    "soft 8, four members": "soft 8",
    "soft 8, two layers": "soft 8",
    "soft 8 + LayerNorm": "LayerNorm",
    "soft 8 + LoRA": "LoRA, all projections",
    "ids: words": "words",
    "ids: soft 8": "soft 8",
    "ids: soft 8 + LayerNorm": "LayerNorm",
    "ids: full, one layer": "full, one layer",
}

# Rows that need columns which a data set lacks.
LACKING = {
    "amazon-toys": ("personal: profile", "personal: hour", "tasks: occupation"),
}
# By data set, what differs from `recipes.BASE` for all rows.
DATA: dict[str, Recipe] = {
    "movielens-100k": {},
    "amazon-toys": {"encoder": {"max_history": 20}},
}
# What starts elsewhere is trained first, with the same recipe, on another log.
ELSEWHERE = {"amazon-toys": "movielens-100k", "movielens-100k": "movietweetings-100k"}
# Columns and words that differ by data set.
RENAMED = {"amazon-toys": {"labels genres": "labels categories", "film to watch": "toy to buy"}}


def rows(data: str) -> list[str]:
    """The methods that a data set has the columns for."""
    return [name for name in METHODS if name not in LACKING.get(data, ())]


def recipe(data: str, row: str, epochs: int, trial: int) -> Recipe:
    """The configuration of a method, in types that JSON has.

    Args:
        data: name of the data set.
        row: a key of `METHODS`.
        epochs: at most.
        trial: number of the setting.
    """
    found = copy.deepcopy(recipes.BASE)
    _, changes, trials = METHODS[row]
    for part in (DATA[data], changes, trials[trial]):
        merge(found, part)
    found |= {"epochs": epochs, "patience": epochs}
    if "source" in found:
        found["source"]["data"] = ELSEWHERE[data]
    for old, new in RENAMED.get(data, {}).items():
        found["template"] = found["template"].replace(old, new)
    return found


def merge(into: Recipe, changes: Recipe) -> None:
    """Later values win; dictionaries are merged one level deep."""
    for key, value in changes.items():
        if isinstance(value, dict):
            into[key] = {**into.get(key, {}), **copy.deepcopy(value)}
        else:
            into[key] = copy.deepcopy(value)
