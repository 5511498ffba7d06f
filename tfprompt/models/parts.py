"""Which of a model's tensors a stage trains."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from tfprompt.errors import ConfigError
from tfprompt.models.named_prompts import PROMPTS
from tfprompt.models.tensors import held, held_names, trained_variables

if TYPE_CHECKING:
    from tfprompt.models.fits_parts import FitsParts

PARTS = ("prompts", "items", "temperature", "network")
# Soft and deep prompts: a share of "prompts".
SOFT = "soft"
_PROMPTS = ("soft_", "deep_", "pool_", "personal_", "code_", "task_", "feature_")
_ENCODER = "prompted_encoder/"


def check_parts(parts: Collection[str]) -> tuple[str, ...]:
    """The parts in order.

    Raises:
        ConfigError: none, or an unknown one.
    """
    known = (*PARTS, SOFT)
    if isinstance(parts, str) or not parts or not set(parts) <= set(known):
        raise ConfigError(f"What is trained is one or more of {known}. Received: {parts!r}.")
    return tuple(part for part in known if part in parts)


def part_of(name: str) -> str:
    """The part that a trained tensor belongs to.

    - "prompts": soft, deep, pooled, personal and task prompts, feature tokens;
    - "items": the projection of item vectors, the places of item tokens, item ids;
    - "temperature": the learned one;
    - "network": whatever else of the encoder is trained.

    Example:
        >>> part_of("prompted_encoder/soft_0/prompt"), part_of("item_tower/projection/kernel")
        ('prompts', 'items')
    """
    if name.startswith(_ENCODER):
        layer = name.removeprefix(_ENCODER)
        if layer.startswith(_PROMPTS):
            return "prompts"
        return "items" if layer.startswith("item_tokens") else "network"
    return "temperature" if name == "log_temperature" else "items"


def variables_of(model: FitsParts, parts: Collection[str]) -> dict[str, Any]:
    """The trained variables of some parts, by name."""
    soft = PROMPTS if SOFT in parts else ()
    return {
        name: variable
        for name, variable in trained_variables(model).items()
        if part_of(name) in parts or name.startswith(soft)
    }


def holds_items(model: FitsParts) -> bool:
    """Whether what a model knows of its items is kept as it is: a block trains other parts."""
    return any(part_of(name) == "items" for name in held_names(model))


@contextlib.contextmanager
def only(model: FitsParts, *parts: str) -> Iterator[None]:
    """See `Retriever.training_only`."""
    check_parts(parts)
    chosen = {id(variable) for variable in variables_of(model, parts).values()}
    if not chosen:
        raise ConfigError(
            f"The model must train something of the parts {', '.join(parts)}. Received: the "
            f"template {model.encoder.template.source!r}. Add a prompt, or train more parts."
        )
    others = [variable for variable in model.trainable_variables if id(variable) not in chosen]
    with held(model, others):
        yield
