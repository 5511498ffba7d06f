"""Writes the page with which somebody shows a model to a colleague."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfprompt._files import atomic_write
from tfprompt.errors import ConfigError, ExportError
from tfprompt.serving.definitions import definitions_document, read_definitions
from tfprompt.serving.local.base_directory import MODEL_FILE, check_base, list_versions
from tfprompt.serving.signature import Signature, read_signatures

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog

_CATALOG, _MODEL = "catalog.json", "model.json"
_USED = ("recommend", "score")
_TITLES = "catalog/titles/.ATTRIBUTES/VARIABLE_VALUE"


def write_demo_page(
    model: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    name: str = "",
    items: str | os.PathLike[str] | None = None,
) -> Path:
    """Writes the demo page of an exported model: a directory of static files.

    `tfprompt serve BASE --page DIRECTORY` shows it. It asks for nothing but its own files and the
    API at the address that it comes from. Titles are those of the artifact, exported with
    `titles=True`, or of `items`; an item without one goes by its id.

    Args:
        model: a version, as `models/ml/1`, or a base directory, whose highest version is taken.
        directory: where to write. An older page there is replaced, anything else is kept.
        name: under which the model is served; by default that of its base directory.
        items: a table of items with `item_id` and `title`, as `tp.data.read` takes it.

    Returns:
        The directory.

    Raises:
        ExportError: no version is there, or it does not take item ids and give recommendations.
        ConfigError: the directory holds something else, or the items are not the model's.
        DataError: the table of items breaks a rule.

    Example:
        write_demo_page("models/ml", "pages/ml")
    """
    from tfprompt.artifacts.model_card import read_card

    version = version_of(Path(model))
    target = Path(directory)
    sources = {entry.name: entry for entry in _sources()}
    _check_target(target, {*sources, _CATALOG, _MODEL})
    card = read_card(version)
    signatures = _signatures(version)
    ids = _ids(version)
    titles = _titles(version, ids) if items is None else _titles_of(items, ids, card)
    about = {
        "format": 1,
        "name": name or version.resolve().parent.name,
        "version": version.resolve().name,
        "kind": card["kind"],
        "template": card["template"],
        "prompts": card["prompts"],
        "k": card["k"],
        "signatures": signatures,
    }
    with atomic_write(target) as page:
        page.mkdir()
        for file, source in sources.items():
            with resources.as_file(source) as path:
                shutil.copyfile(path, page / file)
        _write(page / _MODEL, about)
        _write(page / _CATALOG, {"ids": ids, "titles": titles})
    return target


def version_of(model: Path) -> Path:
    """The version itself, or the highest one of a base directory.

    Raises:
        ExportError: there is none.
    """
    if (model / MODEL_FILE).is_file():
        return model
    check_base(model)
    versions = list_versions(model)
    if not versions:
        raise ExportError(
            f"A demo page is made for a version of a model. Received: {model}, which holds none. "
            "Write one with `tfprompt export RUN BASE/1`."
        )
    return versions[max(versions)]


def _sources() -> list[Any]:
    folder = resources.files("tfprompt.serving.local") / "page"
    return [entry for entry in folder.iterdir() if entry.is_file()]


def _check_target(target: Path, known: set[str]) -> None:
    """Refuses to replace what is no page of ours."""
    if not target.exists():
        return
    if not target.is_dir():
        raise ConfigError(f"A demo page is a directory. Received: {target}, which is a file.")
    present = {path.name for path in target.iterdir()}
    if present and (_MODEL not in present or not present <= known):
        others = sorted(present - known) or sorted(present)
        raise ConfigError(
            f"A demo page replaces only an older page. Received: {target}, which holds "
            f"{', '.join(others[:3])}. Choose another directory."
        )


def _signatures(version: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Types and ranks of inputs, by signature, of those that the page calls."""
    document = definitions_document(read_definitions(version))
    found = read_signatures(document)
    recommend = found.get("recommend")
    needed = {"history", "k", "exclude"}
    if recommend is None or not needed <= recommend.inputs.keys():
        raise ExportError(
            "A demo page asks the signature `recommend` with history, k and exclude. Received: "
            f"{version} with {', '.join(sorted(found))}. Export a Retriever or a Recommender again."
        )
    if "wish_tokens" in recommend.inputs:
        raise ExportError(
            f"A demo page sends text, and {version} takes token ids. Export it without tokens."
        )
    return {name: _inputs(found[name]) for name in _USED if name in found}


def _inputs(signature: Signature) -> dict[str, dict[str, Any]]:
    return {
        name: {"dtype": info.dtype, "rank": info.rank} for name, info in signature.inputs.items()
    }


def _ids(version: Path) -> list[str]:
    text = (version / "assets" / "items.txt").read_text(encoding="utf-8", errors="replace")
    # Not splitlines, which also splits at characters that an id may hold.
    return text.removesuffix("\n").split("\n")


def _titles(version: Path, ids: list[str]) -> list[str]:
    """The artifact's own titles, ids where it has none."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    if not reader.has_tensor(_TITLES):
        return ids
    titles = [title.decode("utf-8", "replace") for title in reader.get_tensor(_TITLES)]
    return [title or item for title, item in zip(titles, ids, strict=True)]


def _titles_of(items: str | os.PathLike[str], ids: list[str], card: Mapping[str, Any]) -> list[str]:
    """Titles from a table of items, ids for those that it lacks."""
    from tfprompt.data.items import read_items

    catalog: Catalog = read_items(Path(items), item_text=card["item_text"])
    known = dict(zip(catalog.ids.tolist(), catalog.titles(), strict=True))
    if known.keys().isdisjoint(ids):
        raise ConfigError(
            f"Titles are looked up by item_id. Received: {items}, none of whose ids is the "
            f"model's; it knows {', '.join(ids[:3])}. Give the catalog that was exported."
        )
    return [known.get(item, item) for item in ids]


def _write(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")
