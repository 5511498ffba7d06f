"""What is kept of a model, tensor by tensor: what training changed, and what it measured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from tfprompt.errors import CheckpointError
from tfprompt.models.training_state import networks

if TYPE_CHECKING:
    from tfprompt.models.fits_parts import FitsParts

# Beside the trained tensors, what was measured about the catalog: which items training knows, how
# they are rated, which are taken together, what a verbalizer's words get without content, and the
# whitening of the items' vectors.
_WARM, _BIASES = "item_table/ids/warm", {"bias": "rating_bias/items", "likes": "like_bias/items"}
_TOGETHER = ("taken_together/near", "taken_together/similarity", "taken_together/users")
_CONTENT_FREE = "head/content_free"
MEASURED = (_WARM, *_BIASES.values(), *_TOGETHER, _CONTENT_FREE)
# Beginnings of further names: which of the ranks that training prunes are left, and the whitening.
TUNING, WHITENING = "tuning/", "item_table/whitening"


# What a model trains, and does not while a block of `held` runs.
_HELD: WeakKeyDictionary[FitsParts, list[Any]] = WeakKeyDictionary()


@contextlib.contextmanager
def held(model: FitsParts, variables: list[Any]) -> Iterator[None]:
    """Keeps variables from being trained while the block runs; they stay part of what is kept."""
    before = _HELD.get(model, [])
    _HELD[model] = [*before, *variables]
    for variable in variables:
        variable.trainable = False
    try:
        yield
    finally:
        for variable in variables:
            variable.trainable = True
        _HELD[model] = before


def held_names(model: FitsParts) -> list[str]:
    """The names of what a block around keeps from being trained."""
    return [_name_of(model, variable) for variable in _HELD.get(model, ())]


def trained_variables(model: FitsParts) -> dict[str, Any]:
    """The trained variables by name, held ones too; names do not depend on the model's own.

    Nor on the encoder's: Keras counts the second one of a process as `prompted_encoder_1`.
    """
    variables = [*model.trainable_variables, *_HELD.get(model, ())]
    named = {_name_of(model, variable): variable for variable in variables}
    if len(named) != len(variables):
        raise CheckpointError("Two trained tensors share a name; rename one of the layers.")
    return named


def _name_of(model: FitsParts, variable: Any) -> str:
    path: str = variable.path.removeprefix(f"{model.name}/")
    inside = path.removeprefix(f"{model.encoder.name}/")
    return path if inside == path else f"prompted_encoder/{inside}"


def kept_tensors(model: FitsParts) -> dict[str, np.ndarray]:
    """The trained values by name, as they are kept: networks are folded into their prompts."""
    folded = folded_names(model)
    kept = {
        name: np.asarray(variable.value)
        for name, variable in trained_variables(model).items()
        if name not in folded
    }
    for layer in networks(model):
        kept[_name_of(model, layer.prompt)] = np.asarray(layer.vectors())
    return kept


def folded_names(model: FitsParts) -> set[str]:
    """The names of what is folded away where a prompt is kept."""
    return {_name_of(model, weight) for layer in networks(model) for weight in layer.network}


def measured_variables(model: FitsParts) -> dict[str, Any]:
    """What training measured about the catalog and nothing trains, by name."""
    found: dict[str, Any] = {}
    if model.item_table.ids is not None:
        found[_WARM] = model.item_table.ids.warm
    for part, name in _BIASES.items():
        if (bias := getattr(model, part, None)) is not None:
            found[name] = bias.items
    for name, variable in model.encoder.tuning.settled.items():
        found[f"{TUNING}{name}"] = variable
    found |= {
        f"item_table/{name}": variable
        for name, variable in model.item_table.whitening_variables().items()
    }
    head = getattr(model, "head", None)
    if head is not None and head.calibrated:
        found[_CONTENT_FREE] = head.content_free
    together = getattr(model, "together", None)
    if together is not None:
        tables = (together.near, together.similarity, together.users)
        found |= dict(zip(_TOGETHER, tables, strict=True))
    return found
