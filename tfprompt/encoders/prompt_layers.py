"""The trained parts of a template that do not depend on its text: prompts of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras import ops

from tfprompt.encoders.text_plan import ORDER_STEP
from tfprompt.encoders.token_plan import Part
from tfprompt.errors import ConfigError
from tfprompt.layers import (
    DeepPrompt,
    FeatureToken,
    HistoryCode,
    PersonalPrompt,
    PromptPool,
    SoftPrompt,
    TaskPrompt,
    ValueCode,
)
from tfprompt.prompts.segments import CLOCK_FEATURES, Feature, Personal, Pool, Segment, Soft, Task

if TYPE_CHECKING:
    from tfprompt.data.catalog import Column
    from tfprompt.encoders.prompted import PromptedEncoder


def soft_layers(encoder: PromptedEncoder) -> list[SoftPrompt]:
    """A layer for each soft prompt of the template."""
    return [
        SoftPrompt(
            soft.length,
            encoder.width,
            reparameterized=soft.reparameterized,
            members=encoder.ensemble,
            name=f"soft_{number}",
        )
        for number, soft in enumerate(encoder.template.soft)
    ]


def deep_layers(encoder: PromptedEncoder) -> list[DeepPrompt]:
    """Fresh vectors at each layer above the seam's, where they are wanted.

    Raises:
        ConfigError: the template has no soft prompt, whose places they take.
    """
    if encoder.deep and not encoder.template.soft:
        raise ConfigError(
            "Deep prompts take the places of soft ones, so the template must have one. Received: "
            f"deep=True with {encoder.template.source!r}. Write {{soft:8}} into it."
        )
    length, above = encoder.template.prompt_length, len(encoder.seam.upper_layers) - 1
    if not encoder.deep or not length:
        return []
    return [
        DeepPrompt(length, encoder.width, members=encoder.ensemble, name=f"deep_{layer}")
        for layer in range(encoder.prompt_layer + 1, encoder.prompt_layer + 1 + above)
    ]


def feature_layers(
    encoder: PromptedEncoder, columns: Mapping[str, Column]
) -> dict[str, FeatureToken]:
    """A layer for each column that is a feature, by name."""
    names = [s.name for s in encoder.template.segments if isinstance(s, Feature)]
    return {
        name: FeatureToken(
            encoder.width,
            _categories(name, columns),
            encoder.seed + number,
            name=f"feature_{name}",
        )
        for number, name in enumerate(dict.fromkeys(names))
    }


def made_layers(encoder: PromptedEncoder, columns: Mapping[str, Column]) -> dict[str, Any]:
    """The layers of prompts that depend on the request, by what they are called."""
    made: dict[str, Any] = {}
    rank, width = encoder.personal_rank, encoder.width
    for number, segment in enumerate(encoder.template.segments):
        seed = encoder.seed + number
        if isinstance(segment, Personal):
            made[f"personal_{number}"] = PersonalPrompt(
                segment.length, width, rank, encoder.personal_dropout, seed=seed,
                name=f"personal_{number}",
            )  # fmt: skip
            name = f"code_{number}"
            made[name] = (
                HistoryCode(rank, width, seed, name=name)
                if segment.name == "history"
                else ValueCode(rank, _categories(segment.name, columns), name=name)
            )
        elif isinstance(segment, Task):
            tasks = _categories(segment.name, columns) or 1
            name = f"task_{number}"
            made[name] = TaskPrompt(segment.length, width, tasks, name=name)
        elif isinstance(segment, Pool):
            name = f"pool_{number}"
            made[name] = PromptPool(
                segment.chosen, segment.each, segment.size, width, encoder.loaded.width,
                seed=seed, name=name,
            )  # fmt: skip
    return made


def _categories(name: str, columns: Mapping[str, Column]) -> int | None:
    """How many values a column has; None for a number."""
    if name not in columns:
        return CLOCK_FEATURES[name]
    column = columns[name]
    return len(column.vocabulary or ()) if column.kind == "category" else None


def prompt_parts(
    encoder: PromptedEncoder, inputs: Mapping[str, Any], training: bool | None
) -> list[Part]:
    """All prompts of a batch as parts of the sequence, soft ones first.

    Deep prompts take the first places at every layer: those of the soft ones, and no others.
    """
    soft = iter(_soft(encoder, inputs))
    segments = list(enumerate(encoder.template.segments))
    parts = [
        Part.of(next(soft), order=number * ORDER_STEP)
        for number, segment in segments
        if isinstance(segment, Soft)
    ]
    for number, segment in segments:
        vectors = _made(encoder, number, segment, inputs, training)
        if vectors is not None:
            parts.append(Part.of(vectors, order=number * ORDER_STEP))
    return parts


def _soft(encoder: PromptedEncoder, inputs: Mapping[str, Any]) -> list[Any]:
    """The vectors of each soft prompt `[B, P, D]`: the encoder's own, or those of each row."""
    given = inputs.get("prompts")
    if given is None:
        return [layer(inputs["states"]) for layer in encoder.soft_prompts]
    found, start = [], 0
    for layer in encoder.soft_prompts:
        found.append(given[:, start : start + layer.length])
        start += layer.length
    return found


def _made(
    encoder: PromptedEncoder,
    number: int,
    segment: Segment,
    inputs: Mapping[str, Any],
    training: bool | None,
) -> Any:
    """The vectors `[B, P, D]` of one segment, None for one that is no such prompt."""
    made = encoder.made_prompts
    if isinstance(segment, Feature):
        return encoder.feature_tokens[segment.name](inputs[segment.name])
    if isinstance(segment, Task):
        return made[f"task_{number}"](inputs[segment.name])
    if isinstance(segment, Pool):
        return made[f"pool_{number}"](likeness(encoder, inputs), training=training)
    if not isinstance(segment, Personal):
        return None
    code = made[f"code_{number}"]
    if segment.name == "history":
        codes = code(inputs["items"], inputs.get("glimpse", inputs["items_mask"]))
    else:
        codes = code(inputs[segment.name])
    return made[f"personal_{number}"](codes, training=training)


def likeness(encoder: PromptedEncoder, inputs: Mapping[str, Any]) -> Any:
    """What a request is like, by what is frozen: `[B, Q]`.

    The mean of the past items' text vectors, zeros without any; of a template without a history,
    the mean of the text's states at the seam.
    """
    if encoder.template.has_history:
        # Their text comes first; what else is known of items follows.
        vectors = inputs["content"][..., : encoder.loaded.width]
        mask = inputs.get("glimpse", inputs["items_mask"])
    else:
        vectors, mask = inputs["states"], inputs["states_mask"]
    weights = ops.expand_dims(ops.cast(mask, vectors.dtype), -1)
    return ops.sum(vectors * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)
