"""The rules of a run's configuration that need neither data nor backbone to be checked."""

from __future__ import annotations

import math
import typing
from types import UnionType
from typing import TYPE_CHECKING, Any

from tfprompt import _tuning_names
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.runs.config import RunConfig

SPLITS = ("leave-one-out", "temporal", "ratio", "cold-items", "cold-users")
# Least value of each number, and whether it may be that value itself.
_LEAST: dict[str, tuple[float, bool]] = {
    "k_core": (0, True),
    "prompt_layer": (0, True),
    "max_history": (1, True),
    "dropout": (0, True),
    "collaborative": (0, True),
    "temperature": (0, False),
    "epochs": (1, True),
    "batch_size": (1, True),
    "learning_rate": (0, False),
    "warmup_epochs": (0, True),
    "weight_decay": (0, True),
    "clipnorm": (0, False),
    "patience": (0, True),
    "seed": (0, True),
}


def check(config: RunConfig) -> None:
    """Checks types, ranges and choices.

    Raises:
        ConfigError: a value breaks a rule.
    """
    for name, kind in typing.get_type_hints(type(config)).items():
        _check_type(name, getattr(config, name), kind)
    for name, (least, inclusive) in _LEAST.items():
        value = getattr(config, name)
        if value is not None and (value < least or (value == least and not inclusive)):
            rule = f"{least} or more" if inclusive else f"above {least}"
            raise ConfigError(f"{name} must be {rule}. Received: {name}={value!r}.")
    if config.seed >= 2**32:
        raise ConfigError(f"seed must be below 2^32. Received: seed={config.seed!r}.")
    if config.dropout >= 1:
        raise ConfigError(f"dropout must be below 1. Received: dropout={config.dropout!r}.")
    if config.tuning is not None:
        _tuning_names.read(config.tuning)
    if config.data is not None and config.interactions is not None:
        raise ConfigError(
            "A run is trained on a named data set or on tables of your own, not on both. "
            f"Received: data={config.data!r} and interactions={config.interactions!r}."
        )
    if config.data is not None:
        own = ("items", "users", "columns", "min_rating", "k_core", "read_options")
        given = [name for name in own if getattr(config, name)]
        if given:
            raise ConfigError(
                f"A named data set is read as it is; {given[0]} needs interactions=. "
                f"Received: data={config.data!r} and {given[0]}={getattr(config, given[0])!r}."
            )


def _check_type(name: str, value: Any, kind: Any) -> None:
    kinds = list(typing.get_args(kind)) if isinstance(kind, UnionType) else [kind]
    if typing.get_origin(kind) is typing.Union:
        kinds = list(typing.get_args(kind))
    for each in kinds:
        if typing.get_origin(each) is typing.Literal:
            if value in typing.get_args(each):
                return
        elif _is(value, typing.get_origin(each) or each):
            return
    labels = " or ".join(_label(each) for each in kinds)
    raise ConfigError(f"{name} must be {labels}. Received: {name}={value!r}.")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _label(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(kind)))
    names = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
    if kind is type(None):
        return "none"
    return names.get(kind, "a mapping")
