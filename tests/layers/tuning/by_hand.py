"""A tiny backbone whose own weights are changed by hand for a moment, for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.toy import WIDTH, backbone
from tfprompt.encoders.seam import Seam
from tfprompt.layers.tuning import TunedLayers, chosen

# What merges into weights.
MERGED = ("lora:3", "adalora:2", "ia3", "bitfit", "layer_norm", "full")
# Their layers have no biases.
WITHOUT_BIAS = ("llama", "llama3", "mistral", "qwen3")
STATES = np.random.default_rng(0).normal(size=(2, 5, WIDTH)).astype("float32")
MASK = np.ones((2, 5, 5), bool)
Change = Callable[[str, np.ndarray], np.ndarray]


def tuned_layers(tuning: Any, family: str = "bert") -> tuple[Seam, TunedLayers]:
    """The upper two of three layers, and their tuning at its start."""
    seam = Seam(backbone(family).backbone, 1)
    tuned = TunedLayers(chosen(tuning), name="tuning")
    tuned.attach(seam, family)
    return seam, tuned


def move(tuned: TunedLayers) -> TunedLayers:
    """Takes all that is trained away from its start."""
    rng = np.random.default_rng(5)
    for variable in tuned.trainable_variables:
        noise = rng.normal(size=variable.shape).astype("float32")
        variable.assign(variable.value + 0.3 * noise)
    return tuned


def run(seam: Seam, tuned: TunedLayers | None = None, training: bool = False) -> Any:
    """Some states through the upper layers."""
    x: Any = STATES
    for number, layer in enumerate(seam.upper_layers):
        if tuned is None:
            x = seam.apply_upper_layer(layer, x, MASK, training)
        else:
            with tuned.layer(number):
                x = seam.apply_upper_layer(layer, x, MASK, training)
            x = tuned.after(number, x)
    if tuned is None:
        return seam.final(x)
    with tuned.final():
        return seam.final(x)


@contextmanager
def set_by_hand(seam: Seam, tuned: TunedLayers) -> Iterator[None]:
    """The backbone itself holds what the (one) tuning would change, until the end."""
    values = {v.path.split("/")[-1]: v.numpy() for v in tuned.trainable_variables}
    change = CHANGES[type(tuned.tunings[0]).method](values)
    final = [] if seam.final_layer is None else [seam.final_layer]
    before = []
    for number, layer in enumerate([*seam.upper_layers, *final], start=seam.prompt_layer):
        for weight in layer.weights:
            part, kind = weight.path.split("/")[-2:]
            part = part if part.endswith("norm") else part.replace("_dense", "")
            before.append((weight, weight.numpy()))
            name = f"layer_{number}_{part.removeprefix('feedforward_')}_{kind}"
            if part.endswith("norm"):
                name = f"layer_{number}_{part}_{kind}"
            weight.assign(change(name, before[-1][1]))
    try:
        yield
    finally:
        for weight, value in before:
            weight.assign(value)


def _lora(values: dict[str, np.ndarray]) -> Change:
    def change(name: str, value: np.ndarray) -> np.ndarray:
        base = name.removesuffix("_kernel")
        if f"{base}_a" not in values:
            return value
        return value + (values[f"{base}_a"] @ values[f"{base}_b"]).reshape(value.shape)

    return change


def _adalora(values: dict[str, np.ndarray]) -> Change:
    def change(name: str, value: np.ndarray) -> np.ndarray:
        base = name.removesuffix("_kernel")
        if f"{base}_lambda" not in values:
            return value
        p, scales, q = (values[f"{base}_{part}"] for part in ("p", "lambda", "q"))
        difference = sum(s * np.outer(p[:, i], q[i]) for i, s in enumerate(scales))
        return value + np.reshape(difference, value.shape)

    return change


def _ia3(values: dict[str, np.ndarray]) -> Change:
    def change(name: str, value: np.ndarray) -> np.ndarray:
        base, kind = name.rsplit("_", 1)
        if base not in values:
            return value
        scale = 1 + values[base]
        if base.split("_")[-1] == "output":
            return scale[:, None] * value if kind == "kernel" else value
        return value * scale.reshape(value.shape[-2:])

    return change


def _difference(values: dict[str, np.ndarray]) -> Change:
    left = dict(values)

    def change(name: str, value: np.ndarray) -> np.ndarray:
        return value + left.pop(name, 0.0)

    return change


CHANGES: dict[str, Callable[[dict[str, np.ndarray]], Change]] = {
    "lora": _lora,
    "adalora": _adalora,
    "ia3": _ia3,
    "bitfit": _difference,
    "layer_norm": _difference,
    "full": _difference,
}
