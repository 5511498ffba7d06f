"""What going on with a training needs beside the trained tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.errors import CheckpointError

if TYPE_CHECKING:
    from tfprompt.layers import SoftPrompt
    from tfprompt.models.fits_parts import FitsParts

# Beside the optimizer's state, that of everything random in training, and of the networks that
# prompts are trained through.
RANDOM, NETWORK = "random/", "network/"


def networks(model: FitsParts) -> list[SoftPrompt]:
    """The prompts that are trained through a network."""
    return [layer for layer in model.encoder.soft_prompts if layer.network and layer.trainable]


def network_state(model: FitsParts) -> dict[str, np.ndarray]:
    """The prompts before their networks are folded in, and the networks."""
    return {
        f"{NETWORK}{layer.name}/{weight.name}": np.asarray(weight)
        for layer in networks(model)
        for weight in (layer.prompt, *layer.network)
    }


def restore_networks(model: FitsParts, state: dict[str, np.ndarray]) -> None:
    """Puts back what `network_state` gave."""
    for layer in networks(model):
        for weight in (layer.prompt, *layer.network):
            name = f"{NETWORK}{layer.name}/{weight.name}"
            if name in state and state[name].shape == tuple(weight.shape):
                weight.assign(state[name])


def optimizer_state(model: FitsParts) -> dict[str, np.ndarray]:
    """The optimizer's variables by name, empty where it has none yet."""
    if not model.compiled or not model.optimizer.built:
        return {}
    return {
        f"{place:04d} {variable.path}": np.asarray(variable.value)
        for place, variable in enumerate(model.optimizer.variables)
    }


def random_variables(model: FitsParts) -> list[Any]:
    """What decides how training goes on, in fixed order: draws, and what pruning has measured."""
    return [*draws(model), *model.encoder.tuning.course]


def draws(model: FitsParts) -> list[Any]:
    """Where dropout and the drawing of negatives stand in their random sequences, in fixed order.

    The frozen layers are not part of the model's own variables, and have dropout of their own.
    """
    layers = [
        layer
        for root in (model, *model.encoder.seam.upper_layers)
        for layer in root._flatten_layers()
    ]
    generators = [
        generator for layer in layers for generator in getattr(layer, "_seed_generators", ())
    ]
    distinct = {id(generator): generator.state for generator in generators}
    negatives = getattr(model.loss_function, "_generator", None)
    return [*distinct.values(), *([] if negatives is None else [negatives.state])]


def random_state(model: FitsParts) -> dict[str, np.ndarray]:
    """The variables of `random_variables` by name."""
    return {
        f"{RANDOM}{place:04d}": np.asarray(variable)
        for place, variable in enumerate(random_variables(model))
    }


def check_random(model: FitsParts, state: list[np.ndarray], directory: Any) -> None:
    """Refuses a random state that another model wrote."""
    expected = [tuple(variable.shape) for variable in random_variables(model)]
    if state and expected != [value.shape for value in state]:
        raise CheckpointError(
            f"The random state in {directory} is not that of this model; delete "
            "optimizer.safetensors to go on with another."
        )


def check_optimizer(model: FitsParts, state: dict[str, np.ndarray], directory: Any) -> None:
    """Refuses the state of another optimizer, and builds the model's."""
    # A model that was made under a tf.distribute strategy has its optimizer there too.
    with model.distribute_strategy.scope():
        model.optimizer.build(model.trainable_variables)
    expected = [tuple(variable.shape) for variable in model.optimizer.variables]
    if expected != [state[name].shape for name in sorted(state)]:
        raise CheckpointError(
            f"The optimizer in {directory} is not the one of this model; compile with the same "
            f"one or delete optimizer.safetensors."
        )
