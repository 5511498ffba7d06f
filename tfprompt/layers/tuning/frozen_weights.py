"""The weights of a frozen layer by the part they play, whatever family it is of."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras

# Name of the sublayer → role; all families of KerasHub transformer layers share these names.
_ROLES = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "attention_output",
    "feedforward_intermediate_dense": "intermediate",
    "feedforward_gate_dense": "gate",
    "feedforward_output_dense": "output",
}
NORM = "norm"
# Roles with a kernel, in the order of computation.
PROJECTIONS = tuple(_ROLES.values())


@dataclasses.dataclass(frozen=True, eq=False)
class FrozenWeight:
    """One weight of the backbone.

    Attributes:
        number: of the layer in the backbone; the number of layers for what comes after the last.
        role: "query", "key", "value", "attention_output", "intermediate", "gate", "output",
            "norm", or "" for anything else.
        variable: the backbone's own, which nothing here changes.
    """

    number: int
    role: str
    variable: keras.Variable

    @property
    def kind(self) -> str:
        """Name of the variable in its sublayer: "kernel", "bias", "gamma", "beta", "scale"."""
        return self.variable.path.rsplit("/", 1)[-1]

    @property
    def name(self) -> str:
        """A name that no other weight of the backbone has: "layer_4_query_kernel"."""
        *_, part, kind = self.variable.path.split("/")
        # A layer has several norms, and what has no role has only its own name.
        return f"layer_{self.number}_{part if self.role in (NORM, '') else self.role}_{kind}"

    @property
    def is_bias(self) -> bool:
        """True for what is added: biases, and the shift of a normalization."""
        return self.kind in ("bias", "beta")

    @property
    def matrix(self) -> tuple[int, int]:
        """A kernel as a matrix `[inputs, outputs]`: heads and their width are one axis."""
        shape = tuple(int(size) for size in self.variable.shape)
        inputs = shape[:-1] if self.role == "attention_output" else shape[:1]
        return math.prod(inputs), math.prod(shape) // math.prod(inputs)


def weights_of(layer: keras.layers.Layer, number: int) -> list[FrozenWeight]:
    """All weights of a transformer layer, or of what follows the last one."""
    found = []
    for variable in layer.weights:
        part = variable.path.split("/")[-2] if "/" in variable.path else ""
        role = NORM if NORM in part else _ROLES.get(part, "")
        found.append(FrozenWeight(number, role, variable))
    return found


def described(weights: Sequence[FrozenWeight]) -> str:
    """What there is, for an error."""
    names = {f"{weight.role or 'other'} {weight.kind}": None for weight in weights}
    return ", ".join(names)
