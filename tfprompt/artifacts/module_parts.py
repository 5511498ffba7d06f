"""What the modules of all artifacts have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.catalog_table import CatalogType

if TYPE_CHECKING:
    from tfprompt.models.kept_model import KeptModel

# What stands where there is no score.
NO_SCORE = float(np.finfo(np.float32).min)

# What a signature is made of: the function, and its inputs by name.
Signature = tuple[Callable[..., dict[str, tf.Tensor]], dict[str, tf.TensorSpec]]


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What an artifact is like.

    Attributes:
        k: the most results of a request.
        titles: `recommend` gives the items' titles too.
        prompts: further prompts of a retriever: a directory of `save_prompts` by name.
        catalog: how the catalog is stored: "float32", "bfloat16" or "int8".
        tokens: takes token ids instead of strings, and needs no TensorFlow Text.
    """

    k: int = 100
    titles: bool = False
    prompts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    catalog: CatalogType = "float32"
    tokens: bool = False


def values_of(weights: Any) -> list[Any]:
    """The `tf.Variable`s of Keras weights, which a `tf.Module` can hold."""
    return [weight.value for weight in weights]


def trained_weights(model: KeptModel) -> list[Any]:
    """The weights of a retriever that are in neither its catalog nor its prompts."""
    table = model.item_table
    elsewhere = [table.vectors, *(table.ids.weights if table.ids is not None else ())]
    # Nothing is pruned where a model is served.
    elsewhere += [*model.encoder.tuning.course, *model.encoder.tuning.settled.values()]
    for prompt in (*model.encoder.soft_prompts, *model.encoder.deep_prompts):
        elsewhere += prompt.weights
    left_out = {id(weight) for weight in elsewhere}
    return [weight for weight in model.weights if id(weight) not in left_out]


def finite(values: tf.Tensor, fill: float) -> tf.Tensor:
    """`values` with `fill` in place of NaN and infinities: JSON has none of them."""
    return tf.where(tf.math.is_finite(values), values, fill)
