"""The one place where a backbone is cut: lower layers below, prompts and upper layers above."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops

from tfprompt.errors import BackboneError, ConfigError

# Families whose layers take a mask [B, T, T], each tested against its uncut backbone.
FAMILIES = (
    "BERT",
    "RoBERTa",
    "XLM-RoBERTa",
    "DistilBERT",
    "ELECTRA",
    "GPT-2",
    "Llama",
    "Llama 3",
    "Mistral",
    "Qwen",
    "Qwen 3",
)


def check_backbone(backbone: keras.Model) -> None:
    """Refuses a backbone that has no seam.

    Args:
        backbone: a KerasHub backbone.

    Raises:
        BackboneError: no flat list `transformer_layers`, or layers without an attention mask.
    """
    layers = getattr(backbone, "transformer_layers", None)
    name = type(backbone).__name__
    remedy = f"Families that work: {', '.join(FAMILIES)}."
    if not isinstance(layers, list | tuple) or not layers:
        raise BackboneError(
            "A backbone must have a list `transformer_layers` to be cut at. "
            f"Received: {name}, which has none. {remedy}"
        )
    if not all(isinstance(layer, keras.layers.Layer) for layer in layers):
        raise BackboneError(
            "Each element of `transformer_layers` must be one layer. "
            f"Received: {name}, whose layers come in groups that share weights. {remedy}"
        )
    if _mask_argument(layers[0]) is None:
        raise BackboneError(
            "The transformer layers must take an attention mask, since prompts and texts of "
            f"different lengths stand in one sequence. Received: {name}, whose "
            f"{type(layers[0]).__name__} takes none. {remedy}"
        )


def is_causal(backbone: keras.Model) -> bool:
    """True where a token attends only to itself and to what stands before it.

    Args:
        backbone: a backbone that `check_backbone` accepts.
    """
    return _mask_argument(backbone.transformer_layers[0]) == "decoder_attention_mask"


def _mask_argument(layer: keras.layers.Layer) -> str | None:
    """Name of the layer's argument for a mask `[B, T, T]`."""
    parameters = inspect.signature(layer.call).parameters
    for name in ("attention_mask", "decoder_attention_mask"):
        if name in parameters:
            return name
    return None


class Seam:
    """A backbone cut at the input of one transformer layer.

    Below the cut everything is a function of the text alone and runs once per text; above it the
    prompts stand among the states. The parts share the backbone's layers: nothing is copied. The
    frozen parts run without dropout whatever mode the surrounding model is in.

    Args:
        backbone: a KerasHub backbone of L layers.
        prompt_layer: m, the first upper layer, 0 ≤ m < L. 0 cuts after the embeddings.

    Attributes:
        backbone: the uncut backbone.
        prompt_layer: m.
        lower: `keras.Model` from the backbone's inputs to the states at the seam `[B, T, D]`.
        upper_layers: the layers m … L-1.
        causal: True for decoders, whose layers add a causal mask to any mask they are given.
        final_layer: what the backbone does after its last layer, a norm in decoders; else None.

    Raises:
        BackboneError: the backbone cannot be cut.
        ConfigError: `prompt_layer` is out of range.

    Example:
        ```python
        seam = Seam(loaded.backbone, prompt_layer=4)
        tokens = loaded.tokenizer(["Toy Story"])
        states = seam.lower_states(tokens["token_ids"], tokens["padding_mask"])   # [1, T, D]
        ```
    """

    def __init__(self, backbone: keras.Model, prompt_layer: int) -> None:
        check_backbone(backbone)
        layers = backbone.transformer_layers
        if not 0 <= prompt_layer < len(layers):
            raise ConfigError(
                f"prompt_layer must be one of 0 … {len(layers) - 1}: the backbone has "
                f"{len(layers)} layers, and 0 cuts after the embeddings. "
                f"Received: prompt_layer={prompt_layer}"
            )
        self.backbone = backbone
        self.prompt_layer = prompt_layer
        self.causal = is_causal(backbone)
        self.upper_layers: list[keras.layers.Layer] = list(layers[prompt_layer:])
        # The node of the backbone's own graph; `layer.input` fails once another model calls the
        # layer too.
        at_seam = layers[prompt_layer]._inbound_nodes[0].input_tensors[0]
        self.lower = keras.Model(backbone.input, at_seam, name="lower")
        self.lower.trainable = False
        output = backbone.output
        if isinstance(output, dict):
            output = output["sequence_output"]
        last = layers[-1]._inbound_nodes[0].output_tensors[0]
        self.final_layer = None if output is last else keras.Model(last, output, name="final")

    def backbone_inputs(self, token_ids: Any, padding_mask: Any) -> dict[str, Any]:
        """The dictionary that the backbone and `lower` take.

        Args:
            token_ids: int `[B, T]`.
            padding_mask: bool or int `[B, T]`, true for real tokens.

        Returns:
            `token_ids`, `padding_mask` as int32 and, where the family has them, `segment_ids` 0.
        """
        inputs = {
            "token_ids": ops.cast(token_ids, "int32"),
            "padding_mask": ops.cast(padding_mask, "int32"),
        }
        names = set(self.backbone.input)
        if "segment_ids" in names:
            inputs["segment_ids"] = ops.zeros_like(inputs["token_ids"])
        return {name: value for name, value in inputs.items() if name in names}

    def lower_states(self, token_ids: Any, padding_mask: Any) -> Any:
        """States at the seam: `[B, T]` and `[B, T]` to `[B, T, D]`."""
        return self.lower(self.backbone_inputs(token_ids, padding_mask), training=False)

    def apply_upper_layer(
        self, layer: keras.layers.Layer, x: Any, attention_mask: Any, training: bool = False
    ) -> Any:
        """One upper layer on states that may hold prompts.

        Args:
            layer: one of `upper_layers`.
            x: states `[B, T, D]`.
            attention_mask: bool `[B, T, T]`; entry (i, j) lets position i see position j. A
                decoder sees the future nowhere, whatever the mask says.
            training: run the layer's dropout.

        Returns:
            States `[B, T, D]`.
        """
        name = "decoder_attention_mask" if self.causal else "attention_mask"
        return layer(x, training=training, **{name: attention_mask})

    def final(self, x: Any) -> Any:
        """What the backbone does after its last layer (a norm in decoders): `[B, T, D]` to same."""
        return x if self.final_layer is None else self.final_layer(x, training=False)

    def apply_upper(self, x: Any, attention_mask: Any) -> Any:
        """All upper layers and `final`, without dropout: `[B, T, D]` to the last states."""
        for layer in self.upper_layers:
            x = self.apply_upper_layer(layer, x, attention_mask)
        return self.final(x)


def has_dropout(layers: list[keras.layers.Layer]) -> bool:
    """True where some layers were built with dropout inside."""
    return any(dropout.rate for dropout in _dropouts(layers))


def set_dropout(layers: list[keras.layers.Layer], rate: float, seed: int | None = None) -> None:
    """Sets the rate of every dropout inside some layers; it acts when they run in training mode.

    Args:
        layers: transformer layers, which keep working without dropout outside of training.
        rate: 0 < rate < 1.
        seed: starts the draws anew, so that they are repeatable; None leaves them where they are.

    Raises:
        ConfigError: the rate is out of range, or the backbone was built without dropout.
    """
    if not 0 < rate < 1:
        raise ConfigError(f"A dropout rate is above 0 and below 1. Received: {rate}.")
    if not has_dropout(layers):
        raise ConfigError(
            "Dropout inside the frozen layers needs a backbone that was built with dropout; this "
            f"one has none. Received: rate={rate}. Use 0 and dropout on the item tokens."
        )
    for number, dropout in enumerate(_dropouts(layers)):
        if dropout.rate:
            dropout.rate = rate
            if seed is not None:
                # A built layer takes no new generator, so the one it has starts anew.
                dropout.seed_generator.state.assign([seed + number, 0])


def _dropouts(layers: list[keras.layers.Layer]) -> list[keras.layers.Dropout]:
    return [
        part
        for layer in layers
        for part in layer._flatten_layers()
        if isinstance(part, keras.layers.Dropout)
    ]
