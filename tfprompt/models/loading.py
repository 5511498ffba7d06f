"""A saved model, ready to recommend or to be trained further."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tfprompt.encoders.loading import load_backbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.models import prompt_files
from tfprompt.models.retriever import Retriever
from tfprompt.tasks.negatives import Negatives

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.loading import LoadedBackbone


def load(
    directory: str | os.PathLike[str],
    items: Catalog,
    *,
    backbone: str | LoadedBackbone | None = None,
) -> Retriever:
    """Loads what `Retriever.save_prompts` wrote.

    Args:
        directory: where it was written.
        items: the catalog; with collaborative ids the one of training, else any.
        backbone: the backbone, where it no longer goes by the name that training knew.

    Returns:
        The retriever with its trained tensors, not compiled. To go on training with the saved
        optimizer: `model.compile(...)`, `model.load_prompts(directory)`, then `model.fit(...,
        initial_epoch=model.epochs_done)`.

    Raises:
        CheckpointError: the files are missing or damaged, or the backbone is another one.

    Example:
        model = tp.load("prompts/movielens", data.items)
        tp.recommend(model, wish="slow science fiction with robots")
    """
    description = prompt_files.describe(directory)
    if backbone is None:
        backbone = description["backbone"]["preset"]
    loaded = load_backbone(backbone) if isinstance(backbone, str) else backbone
    encoder = PromptedEncoder(loaded, description["template"], **description["encoder"])
    options = dict(description["model"])
    options["negatives"] = Negatives(**options["negatives"])
    model = Retriever(encoder, items, **options)
    prompt_files.restore(model, directory)
    return model
