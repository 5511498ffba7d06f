"""The trained prompts of a model or of a directory, each with the layer where it stands."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.models import prompt_files
from tfprompt.models.tensors import kept_tensors

if TYPE_CHECKING:
    from tfprompt.encoders.loading import LoadedBackbone

_DEEP = re.compile(r"deep_(\d+)/prompt$")


@dataclasses.dataclass(frozen=True, eq=False)
class PromptVectors:
    """One trained prompt.

    Attributes:
        name: the name of its tensor, as in a checkpoint.
        layer: the layer at whose input it stands.
        vectors: float32 `[P, D]`; of an ensemble of M, `[M·P, D]`, member by member.
    """

    name: str
    layer: int
    vectors: np.ndarray

    @property
    def label(self) -> str:
        """A short name: "soft_0"."""
        return self.name.removesuffix("/prompt").replace("prompted_encoder/", "")


def prompts_of_tensors(tensors: Mapping[str, np.ndarray], prompt_layer: int) -> list[PromptVectors]:
    """The prompts among a model's trained tensors.

    Args:
        tensors: by name.
        prompt_layer: the seam, where all but deep prompts stand.
    """
    found = []
    for name, value in tensors.items():
        if name.endswith("/prompt") and np.ndim(value) in (2, 3) and np.size(value):
            deep = _DEEP.search(name)
            layer = int(deep.group(1)) if deep else prompt_layer
            vectors = np.asarray(value, np.float32).reshape(-1, np.shape(value)[-1])
            found.append(PromptVectors(name, layer, vectors))
    return found


def prompts_of_model(model: Any) -> tuple[list[PromptVectors], LoadedBackbone]:
    """The prompts of a model, and its backbone.

    Args:
        model: a retriever or ranker; of a recommender or several tasks, all their models, whose
            names then come first in the prompts' names.

    Raises:
        ConfigError: no such model, or one whose parts stand on different backbones.
    """
    parts = _parts(model)
    loaded = next(iter(parts.values())).encoder.loaded
    prompts = []
    for name, part in parts.items():
        if part.encoder.loaded.fingerprint != loaded.fingerprint:
            raise ConfigError(
                "Prompts are compared on one backbone. Received: stages on "
                f"{loaded.name} and {part.encoder.loaded.name}; explain each by itself."
            )
        tensors = kept_tensors(part)
        for prompt in prompts_of_tensors(tensors, part.encoder.prompt_layer):
            key = f"{name}/{prompt.name}" if name else prompt.name
            prompts.append(dataclasses.replace(prompt, name=key))
    return prompts, loaded


def prompts_of_directory(
    directory: str | os.PathLike[str], backbone: LoadedBackbone | None = None
) -> tuple[list[PromptVectors], LoadedBackbone]:
    """The prompts that `save_prompts` wrote, and their backbone.

    Args:
        directory: where they were written.
        backbone: the backbone, where it is loaded already or no longer goes by its name.

    Raises:
        CheckpointError: a damaged directory, or another backbone.
    """
    from tfprompt.encoders.loading import load_backbone
    from tfprompt.models.retriever_config import check_backbone

    description = prompt_files.describe(directory)
    loaded = backbone or load_backbone(description["backbone"]["preset"])
    check_backbone(description["backbone"], loaded)
    tensors = prompt_files.read_tensors(directory)
    return prompts_of_tensors(tensors, description["encoder"]["prompt_layer"]), loaded


def _parts(model: Any) -> dict[str, Any]:
    """The models inside a model by name; one that stands alone has the name ""."""
    if isinstance(tasks := getattr(model, "tasks", None), dict):
        return dict(tasks)
    if hasattr(model, "retriever"):
        stages = {"retriever": model.retriever, "ranker": model.ranker}
        return {name: stage for name, stage in stages.items() if stage is not None}
    if hasattr(model, "encoder"):
        return {"": model}
    raise ConfigError(
        "Prompts are those of a Retriever, a Ranker, a Recommender or a MultiTask. Received: "
        f"{type(model).__name__}."
    )
