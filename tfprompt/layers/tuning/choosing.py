"""Tunings by name, as a user or a file writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from tfprompt import _tuning_names
from tfprompt.errors import ConfigError
from tfprompt.layers.tuning.adalora import AdaLora
from tfprompt.layers.tuning.adapter import Adapter
from tfprompt.layers.tuning.base import Tuning
from tfprompt.layers.tuning.bitfit import BitFit
from tfprompt.layers.tuning.full import FullTuning
from tfprompt.layers.tuning.ia3 import IA3
from tfprompt.layers.tuning.layer_norm import LayerNormTuning
from tfprompt.layers.tuning.lora import Lora

METHODS: dict[str, type[Tuning]] = {
    cls.method: cls for cls in (Lora, AdaLora, Adapter, IA3, BitFit, LayerNormTuning, FullTuning)
}
Choice: TypeAlias = str | Tuning | Mapping[str, Any]


def chosen(tuning: Choice | Sequence[Choice] | None) -> list[Tuning]:
    """The methods that `tuning` names.

    Args:
        tuning: a name, with its number where it has one ("lora:8"), several divided by commas, a
            `Tuning`, a mapping of its method and arguments, a list of these, or None.

    Raises:
        ConfigError: an unknown name, or arguments that a method does not take.

    Example:
        >>> [type(method).__name__ for method in chosen("lora:4,layer_norm")]
        ['Lora', 'LayerNormTuning']
    """
    if tuning is None:
        return []
    if isinstance(tuning, str):
        return [METHODS[name](**number) for name, number in _tuning_names.read(tuning)]
    if isinstance(tuning, Tuning):
        return [tuning]
    if isinstance(tuning, Mapping):
        return [_from_mapping(tuning)]
    if isinstance(tuning, Sequence):
        return [method for each in tuning for method in chosen(each)]
    raise ConfigError(
        f"A tuning is a name such as 'lora:8', a Tuning, or a list of these. Received: {tuning!r}."
    )


def _from_mapping(described: Mapping[str, Any]) -> Tuning:
    arguments = dict(described)
    method = arguments.pop("method", None)
    if method not in METHODS:
        raise ConfigError(
            f"A described tuning has a method of {', '.join(METHODS)}. Received: {described!r}."
        )
    try:
        return METHODS[method](**arguments)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:  # Keras refuses what it does not know by a ValueError
        raise ConfigError(
            f"The tuning {method!r} does not take these arguments: {error}. "
            f"Received: {described!r}."
        ) from error
