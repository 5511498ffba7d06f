"""What is said of an artifact, for those who run it and did not make it."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfprompt._files import read_json, write_json
from tfprompt.artifacts.lint.report import LintReport
from tfprompt.artifacts.module_parts import ExportOptions, Signature
from tfprompt.encoders.packaged import PACKAGED
from tfprompt.errors import ExportError
from tfprompt.models.named_prompts import frame_of, shared_digests
from tfprompt.models.retriever_config import describe
from tfprompt.models.tensors import kept_tensors

if TYPE_CHECKING:
    from tfprompt.artifacts.parity import Parity

CARD, CARD_PAGE = Path("assets.extra") / "model_card.json", Path("assets.extra") / "MODEL_CARD.md"
_FORMAT = 1
_PACKAGES = ("tfprompt", "tensorflow", "tensorflow-text", "keras", "keras-hub")


def describe_artifact(
    model: Any,
    options: ExportOptions,
    signatures: Mapping[str, Signature],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The card of a model that is being exported.

    Args:
        model: a retriever, ranker or recommender.
        options: what the artifact is like.
        signatures: its signatures.
        about: what only the caller knows: `data` and `metrics`.
    """
    first = getattr(model, "retriever", model)
    loaded = first.encoder.loaded
    card: dict[str, Any] = {
        "format": _FORMAT,
        "kind": type(model).__name__,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "template": first.encoder.template.source,
        "template_sha256": hashlib.sha256(first.encoder.template.source.encode()).hexdigest(),
        "item_text": first.item_text,
        "backbone": {
            "name": loaded.name,
            "preset": loaded.preset,
            "fingerprint": loaded.fingerprint,
            "license": license_of(loaded.preset),
            "prompt_layer": first.encoder.prompt_layer,
        },
        "catalog": {
            "items": len(model.catalog),
            "fingerprint": model.catalog.fingerprint,
            "stored_as": options.catalog,
        },
        "prompts": ["default", *options.prompts] if first is model or options.prompts else [],
        "k": min(options.k, len(model.catalog)),
        "titles": options.titles,
        "tokens": options.tokens,
        "trained_parameters": first.trainable_parameters,
        "signatures": {name: _inputs(inputs) for name, (_, inputs) in signatures.items()},
        "data": dict(about.get("data") or {}),
        "metrics": dict(about.get("metrics") or {}),
    }
    if first is model and not hasattr(model, "judge_items"):
        trained = kept_tensors(model)
        card["shared_sha256"] = shared_digests(trained)
        card["prompts_share"] = frame_of(describe(model))
    if options.tokens:
        tokenizer = loaded.tokenizer
        ids = ("cls_id", "sep_id", "pad_id", "sequence_length")
        card["tokenizer"] = {name: getattr(tokenizer, name) for name in ids}
    if (ranker := getattr(model, "ranker", None)) is not None:
        card["ranker_template"] = ranker.encoder.template.source
    return card


def versions() -> dict[str, str]:
    """Versions of what made the artifact."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def license_of(preset: str) -> str:
    """The licence of a backbone's weights, as far as it is known."""
    if preset in PACKAGED:
        return PACKAGED[preset].weights_license
    return f"not known here: see where {os.path.basename(os.path.normpath(preset))!r} comes from"


def add_checks(card: dict[str, Any], report: LintReport, parity: Parity | None) -> None:
    """What the checks found, and how near the answers are to the model's."""
    card["checks"] = {check.name: check.passed for check in report.checks}
    if parity is not None:
        card["parity"] = {
            "lists": parity.compared,
            "recall": parity.recall,
            "largest_score_difference": parity.largest_difference if parity.exact else None,
        }


def write_card(version: Path, card: Mapping[str, Any]) -> None:
    """Writes the card as JSON and as a page, beside the sizes of the files."""
    (version / CARD).parent.mkdir(exist_ok=True)
    files = sorted(path for path in version.rglob("*") if path.is_file())
    sizes = {str(path.relative_to(version)): path.stat().st_size for path in files}
    own = {str(CARD), str(CARD_PAGE)}
    card = {**card, "sizes_bytes": {n: size for n, size in sizes.items() if n not in own}}
    write_json(version / CARD, card)
    (version / CARD_PAGE).write_text(page(card), encoding="utf-8")


def read_card(version: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the card of a version.

    Raises:
        ExportError: there is none, or it is damaged.
    """
    path = Path(version) / CARD
    try:
        card = read_json(path)
    except FileNotFoundError:
        raise ExportError(
            f"A version exported by this package holds {CARD}. Received: {version}, which has none."
        ) from None
    except ValueError as error:
        raise ExportError(f"{path} is damaged: {error}.") from error
    if not isinstance(card, dict) or card.get("format") != _FORMAT:
        raise ExportError(f"{path} is not of format {_FORMAT}. Export the model again.")
    return card


def page(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    backbone, catalog = card["backbone"], card["catalog"]
    lines = [
        f"# {card['kind']} of {catalog['items']:,} items",
        "",
        f"- template: `{card['template']}`",
        f"- an item reads: `{card['item_text']}`",
        f"- backbone: {backbone['name']} (licence of the weights: {backbone['license']}; "
        f"fingerprint {backbone['fingerprint'][:12]}), prompts enter at layer "
        f"{backbone['prompt_layer']}",
        f"- trained parameters: {card['trained_parameters']:,}",
        f"- catalog: {catalog['items']:,} items stored as {catalog['stored_as']}, fingerprint "
        f"{catalog['fingerprint'][:12]}",
        f"- prompts: {', '.join(card['prompts']) or 'none by name'}",
        f"- most results: {card['k']}",
        f"- made {card['created']} with "
        + ", ".join(f"{name} {version}" for name, version in card["versions"].items()),
    ]
    for title in ("data", "metrics", "parity", "checks"):
        if card.get(title):
            lines += ["", f"## {title.capitalize()}", ""]
            lines += [f"- {name}: {value}" for name, value in card[title].items()]
    lines += ["", "## Signatures", ""]
    for name, inputs in card["signatures"].items():
        wanted = ", ".join(f"`{key}` {kind}" for key, kind in inputs.items())
        lines.append(f"- `{name}`: {wanted}")
    return "\n".join(lines) + "\n"


def _inputs(inputs: Mapping[str, tf.TensorSpec]) -> dict[str, str]:
    return {
        name: f"{spec.dtype.name} [{', '.join(_size(n) for n in spec.shape.as_list())}]"
        for name, spec in sorted(inputs.items())
    }


def _size(size: int | None) -> str:
    return "any" if size is None else str(size)
