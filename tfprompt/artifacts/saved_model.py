"""Writes a SavedModel that a stock TensorFlow Serving takes as it is."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt._files import atomic_write
from tfprompt.artifacts.catalog_table import TYPES, CatalogType
from tfprompt.artifacts.examples import invented_requests, warm_up_requests
from tfprompt.artifacts.lint import lint_export
from tfprompt.artifacts.model_card import add_checks, describe_artifact, write_card
from tfprompt.artifacts.module_parts import ExportOptions, Signature
from tfprompt.artifacts.parity import Parity
from tfprompt.artifacts.ranking_module import RankingModule
from tfprompt.artifacts.retrieval_module import RetrievalModule
from tfprompt.artifacts.shards import share_frozen, split_variables
from tfprompt.artifacts.two_stage_module import TwoStageModule
from tfprompt.artifacts.warm_up import write_warm_up
from tfprompt.data.request import Request
from tfprompt.errors import ExportError
from tfprompt.prompts.segments import WISH

if TYPE_CHECKING:
    from tfprompt.models.ranker import Ranker
    from tfprompt.models.recommender import Recommender
    from tfprompt.models.retriever import Retriever

_DEFAULT = "serving_default"


def export_saved_model(
    model: Retriever | Ranker | Recommender,
    directory: str | os.PathLike[str],
    *,
    k: int = 100,
    titles: bool = False,
    prompts: Mapping[str, str | os.PathLike[str]] | None = None,
    catalog: CatalogType = "float32",
    tokens: bool = False,
    examples: Sequence[Request] | None = None,
    about: Mapping[str, Any] | None = None,
    share_with: str | os.PathLike[str] | None = None,
    check: bool = True,
) -> Path:
    """Exports `model` as a version for TensorFlow Serving.

    The artifact holds backbone, prompts, catalog and tokenizer; it runs in any process with
    TensorFlow and TensorFlow Text. A retriever and a recommender have the signatures `recommend`
    (the default), `encode_query`, `encode_item` and `score`, see `RetrievalModule`; a ranker has
    `score`, see `RankingModule`. Beside them are written: requests that warm a server up, and a
    model card (`assets.extra/MODEL_CARD.md`).

    The version is written under another name, checked (`lint_export`; its lists compared with
    the model's), and renamed: it appears whole and working, or not at all.

    Args:
        model: a trained retriever or ranker, or a recommender of two stages.
        directory: where to write. TensorFlow Serving wants `<name>/<version>` with an integer
            version. It is never overwritten.
        k: the most results of a request, at most the catalog's size (a recommender's `rank`). A
            ranker judges what it is given, however much that is.
        titles: `recommend` gives the items' titles too.
        prompts: further prompts of a retriever by name, each a directory of `save_prompts`; a
            request chooses one by its input `prompt`.
        catalog: how item vectors are stored: "float32", "bfloat16" or "int8". The card says what
            share of the exact lists is left (recall).
        tokens: texts come as token ids, and the artifact needs no TensorFlow Text.
        examples: requests to warm up with and to compare by, as `sample_requests(data)`; by
            default some that are made up from the catalog.
        about: `data` and `metrics` for the model card.
        share_with: another version; where its frozen network is the same, both share its file.
        check: checks the artifact before it appears, in a process of its own: ten seconds or so.

    Returns:
        The directory.

    Raises:
        ExportError: the directory exists, an option is out of range, or a check failed; then the
            message names the check and its remedy, and nothing is left behind.

    Example:
        export_saved_model(model, "models/movielens/1", k=50)
    """
    target = Path(directory)
    _check_arguments(model, target, k, catalog, prompts, examples)
    options = ExportOptions(k, titles, dict(prompts or {}), catalog, tokens)
    model.prepare()
    with tempfile.TemporaryDirectory() as assets, atomic_write(target) as version:
        module = _module(model, options, assets)
        signatures: dict[str, Signature] = module.signatures()
        graphs = {
            name: tf.function(function).get_concrete_function(**inputs)
            for name, (function, inputs) in signatures.items()
        }
        default = next(iter(graphs))
        tf.saved_model.save(module, str(version), {_DEFAULT: graphs[default], **graphs})
        split_variables(version)
        if share_with is not None:
            share_frozen(version, Path(share_with))
        signatures = {_DEFAULT: signatures[default], **signatures}
        card = describe_artifact(model, options, signatures, about or {})
        parity = _warm_up(model, version, signatures, examples, options)
        write_card(version, card)
        if check:
            report = lint_export(version, parity)
            if not report.passed:
                raise ExportError(f"{target} would not serve:\n{report}")
            add_checks(card, report, parity)
            write_card(version, card)
    return target


def _check_arguments(
    model: Any,
    target: Path,
    k: int,
    catalog: str,
    prompts: Mapping[str, Any] | None,
    examples: Sequence[Request] | None,
) -> None:
    if target.exists():
        raise ExportError(
            f"A published version is never overwritten. Received: {target}, which exists. Choose "
            "the next version number, or delete it first."
        )
    if not target.name.isdecimal():
        raise ExportError(
            "TensorFlow Serving finds versions by their integer names, MODEL/VERSION. "
            f"Received: {target}. Write {target / '1'}."
        )
    if k < 1:
        raise ExportError(f"k is 1 or more. Received: {k}.")
    if examples is not None and not len(examples):
        raise ExportError("Examples are 1 request or more. Received: none.")
    rank = getattr(model, "rank", None)
    if hasattr(model, "retriever") and rank is not None and k > rank:
        raise ExportError(
            f"A list has at most rank={rank} items, which the second stage keeps. Received: k={k}."
        )
    if catalog not in TYPES:
        raise ExportError(f"A catalog is stored as one of {TYPES}. Received: {catalog!r}.")
    if hasattr(model, "judge_items") and (prompts or catalog != "float32"):
        raise ExportError(
            "Named prompts and a catalog in fewer bytes are a retriever's. Received: a Ranker. "
            "Leave them out."
        )


def _module(model: Any, options: ExportOptions, assets: str) -> Any:
    if hasattr(model, "judge_items"):
        return RankingModule(model, options, assets)
    if hasattr(model, "retriever"):
        return TwoStageModule(model, options, assets)
    return RetrievalModule(model, options, assets)


def _warm_up(
    model: Any,
    version: Path,
    signatures: Mapping[str, Signature],
    examples: Sequence[Request] | None,
    options: ExportOptions,
) -> Parity | None:
    """Writes the warm-up requests; gives what compares their answers, None for a ranker."""
    first = getattr(model, "retriever", model)
    requests = list(examples or invented_requests(model.catalog))
    template = first.encoder.template
    if not template.has_history and WISH not in template.fields:
        # Such a template takes no wishes, which requests that are made up or drawn may hold.
        requests = [dataclasses.replace(request, wish="") for request in requests]
    records, made_of = warm_up_requests(
        {name: inputs for name, (_, inputs) in signatures.items()},
        requests,
        model.catalog.ids.tolist(),
        model.catalog.texts(first.item_text),
        first.encoder.loaded.tokenizer,
    )
    write_warm_up(version, records)
    if hasattr(model, "judge_items"):
        return None
    return Parity(model, records, made_of, exact=options.catalog == "float32")
