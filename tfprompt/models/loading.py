"""A saved model, ready to recommend or to be trained further."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfprompt.encoders.loading import load_backbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.models import prompt_files
from tfprompt.models.ranker import Ranker
from tfprompt.models.retriever import Retriever

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.models.multi_task import MultiTask
    from tfprompt.models.recommender import Recommender


def load(
    directory: str | os.PathLike[str],
    items: Catalog,
    *,
    backbone: str | LoadedBackbone | None = None,
    share: Retriever | Ranker | None = None,
) -> Retriever | Ranker | Recommender | MultiTask:
    """Loads what `save_prompts` of any model wrote.

    Args:
        directory: where it was written.
        items: the catalog; with collaborative ids the one of training, else any.
        backbone: the backbone, where it no longer goes by the name that training knew.
        share: of a retriever or ranker, another model whose items the loaded one shares, see
            `Retriever`; its backbone is taken too, and its items get the saved values.

    Returns:
        The model with its trained tensors, not compiled. To go on training with the saved
        optimizer: `model.compile(...)`, `model.load_prompts(directory)`, then `model.fit(...,
        initial_epoch=model.epochs_done)`.

    Raises:
        CheckpointError: the files are missing or damaged, or the backbone is another one.
        ConfigError: `share` for a recommender or several tasks.

    Example:
        model = tp.load("prompts/movielens", data.items)
        tp.recommend(model, wish="slow science fiction with robots")
    """
    from tfprompt.models import multi_task_files, recommender_files

    for files in (recommender_files, multi_task_files):
        if (Path(directory) / files.DESCRIPTION).exists():
            if share is not None:
                raise ConfigError(
                    "A recommender or several tasks share no items with another model. Received: "
                    f"share with {directory}. Load one of the directories in it."
                )
            return files.load(directory, items, backbone=backbone)
    return load_single(directory, items, backbone=backbone, share=share)


def load_single(
    directory: str | os.PathLike[str],
    items: Catalog,
    *,
    backbone: str | LoadedBackbone | None = None,
    share: Retriever | Ranker | None = None,
) -> Retriever | Ranker:
    """Loads a retriever or a ranker; arguments as of `load`."""
    description = prompt_files.describe(directory)
    if backbone is None:
        backbone = description["backbone"]["preset"] if share is None else share.encoder.loaded
    loaded = load_backbone(backbone) if isinstance(backbone, str) else backbone
    encoder = PromptedEncoder(loaded, description["template"], **description["encoder"])
    kinds: dict[str, Any] = {"Retriever": Retriever, "Ranker": Ranker}
    kind = description.get("kind", "Retriever")
    if kind not in kinds:
        raise CheckpointError(
            f"Saved prompts are those of a {' or a '.join(kinds)}. Received: {kind!r} in "
            f"{directory}."
        )
    model = kinds[kind].from_options(encoder, items, description["model"], share=share)
    prompt_files.restore(model, directory)
    return model
