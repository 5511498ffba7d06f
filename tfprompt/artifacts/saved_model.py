"""Writes a SavedModel that a stock TensorFlow Serving takes as it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt._files import atomic_write
from tfprompt.artifacts.ranking_module import RankingModule
from tfprompt.artifacts.serving_module import ServingModule
from tfprompt.artifacts.two_stage_module import TwoStageModule
from tfprompt.errors import ExportError

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.recommender import Recommender
    from tfprompt.models.retriever import Retriever


def export_saved_model(
    model: Retriever | Ranker | Recommender, directory: str | os.PathLike[str], *, k: int = 100
) -> Path:
    """Exports `model` with one signature, which is also the default one.

    It is `recommend` of a retriever and of a recommender, see `ServingModule` for inputs and
    outputs, and `score` of a ranker, see `RankingModule`. The artifact holds backbone, prompts,
    catalog and tokenizer; it runs in any process with TensorFlow and TensorFlow Text.

    Args:
        model: a trained retriever or ranker, or a recommender of two stages.
        directory: where to write. TensorFlow Serving wants `<name>/<version>` with an integer
            version. It appears all at once, never half written, and is never overwritten.
        k: results of each request, at most the catalog's size (a recommender's `rank`). A ranker
            judges what it is given, however much that is.

    Returns:
        The directory.

    Raises:
        ExportError: the directory exists, or `k` is below 1.

    Example:
        export_saved_model(model, "models/movielens/1", k=50)
    """
    target = Path(directory)
    if target.exists():
        raise ExportError(
            f"A published version is never overwritten. Received: {target}, which exists. Choose "
            "the next version number, or delete it first."
        )
    if k < 1:
        raise ExportError(f"k is 1 or more. Received: {k}.")
    model.prepare()
    module = _module(model, k)
    answer = tf.function(module.__call__).get_concrete_function(**module.input_signature())
    with atomic_write(target) as temporary:
        tf.saved_model.save(
            module, str(temporary), {module.signature_name: answer, "serving_default": answer}
        )
    return target


def _module(model: Any, k: int) -> ServingModule | RankingModule:
    if hasattr(model, "judge_items"):
        return RankingModule(model)
    if not hasattr(model, "retriever"):
        return ServingModule(model, k)
    if k > model.rank:
        raise ExportError(
            f"A list has at most rank={model.rank} items, which the second stage keeps. "
            f"Received: k={k}."
        )
    return TwoStageModule(model, k)
