"""A saved model, ready to recommend or to be trained further."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tfprompt.encoders.loading import load_backbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.errors import CheckpointError
from tfprompt.models import prompt_files
from tfprompt.models.ranker import Ranker
from tfprompt.models.retriever import Retriever

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.loading import LoadedBackbone


def load(
    directory: str | os.PathLike[str],
    items: Catalog,
    *,
    backbone: str | LoadedBackbone | None = None,
    share: Retriever | Ranker | None = None,
) -> Retriever | Ranker:
    """Loads what `save_prompts` of a retriever or ranker wrote.

    Args:
        directory: where it was written.
        items: the catalog; with collaborative ids the one of training, else any.
        backbone: the backbone, where it no longer goes by the name that training knew.
        share: another model whose items the loaded one shares, see `Retriever`; its backbone is
            taken too, and its items get the saved values.

    Returns:
        The model with its trained tensors, not compiled. To go on training with the saved
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
