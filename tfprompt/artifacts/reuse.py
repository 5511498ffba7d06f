"""The next version of a served model with another catalog or other prompts.

Neither the Keras model nor the training run is needed: the graph is the same, the frozen network's
file is shared with the version before, and only what has changed is written.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfprompt._files import atomic_write
from tfprompt.artifacts.catalog_table import stored_values
from tfprompt.artifacts.item_ids import ITEMS_FILE, write_ids
from tfprompt.artifacts.lint import lint_export
from tfprompt.artifacts.model_card import add_checks, read_card, write_card
from tfprompt.artifacts.prompt_bank import PROMPTS_FILE, write_names
from tfprompt.artifacts.shards import (
    FROZEN_INDEX,
    frozen_file,
    merge_bundles,
    share,
    write_bundle,
    write_fingerprint,
)
from tfprompt.artifacts.warm_up import WARM_UP_FILE
from tfprompt.data.catalog import Catalog
from tfprompt.errors import CheckpointError, ExportError
from tfprompt.models.named_prompts import deep_of, read_prompt, soft_of
from tfprompt.prompts.template import Template

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_TEXTS_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Reused:
    """What became of a version that was made from another.

    Attributes:
        directory: the new version.
        size_bytes: of all its files.
        shared_bytes: of the files that it shares on disk with the version before.
        new_items: items that the version before did not know.
        seconds: how long it took, without the checks.
    """

    directory: Path
    size_bytes: int
    shared_bytes: int
    new_items: int
    seconds: float


def reuse_artifact(
    old: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    items: Catalog | None = None,
    prompts: Mapping[str, str | os.PathLike[str]] | None = None,
    check: bool = True,
) -> Reused:
    """Writes a version that differs from `old` in its catalog or its prompts alone.

    Known items keep what clicks say of them; new ones are known by their text, and by the vectors
    that the new catalog holds. Vectors are whitened as for the old catalog.

    Args:
        old: a version that a retriever was exported to.
        directory: the new version, on the same file system if files are to be shared.
        items: the whole new catalog, read with the old one's `item_text`.
        prompts: prompts to add or to replace by name ("default" is the model's own), each a
            directory of `save_prompts`.
        check: as in `export_saved_model`; without parity, since there is no model to compare with.

    Raises:
        ExportError: nothing to change, `old` is no version of a retriever, `directory` exists, or
            a check failed.

    Example:
        reuse_artifact("models/shop/7", "models/shop/8", items=new_catalog)
    """
    began = time.monotonic()
    before, target = Path(old), Path(directory)
    card = _usable_card(before, target, items, prompts)
    tensors = _own_tensors(before)
    assets: dict[str, Any] = {}
    if items is not None:
        known = set(np.asarray(tensors[f"catalog/item_ids/ids{_VALUE}"]).astype(str))
        tensors |= _catalog_tensors(before, items, tensors, card)
        assets[ITEMS_FILE] = lambda path: write_ids(items.ids.tolist(), path)
        card["catalog"] |= {"items": len(items), "fingerprint": items.fingerprint}
    if prompts:
        names = list(dict.fromkeys([*card["prompts"], *prompts]))
        tensors |= _prompt_tensors(tensors, card, prompts, names)
        assets[PROMPTS_FILE] = lambda path: write_names(names, path)
        card["prompts"] = names
    card["made_from"] = {"version": before.resolve().name, "metrics": card.pop("metrics")}
    card["metrics"] = {}
    card["created"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with atomic_write(target) as version:
        _assemble(before, version, tensors, assets)
        seconds = time.monotonic() - began
        write_card(version, card)
        if check:
            report = lint_export(version)
            if not report.passed:
                raise ExportError(f"{target} would not serve:\n{report}")
            add_checks(card, report, None)
            write_card(version, card)
    files = [path for path in target.rglob("*") if path.is_file()]
    return Reused(
        target,
        sum(path.stat().st_size for path in files),
        sum(path.stat().st_size for path in files if path.stat().st_nlink > 1),
        0 if items is None else len(set(items.ids.tolist()) - known),
        seconds,
    )


def _usable_card(
    before: Path, target: Path, items: Catalog | None, prompts: Mapping[str, Any] | None
) -> dict[str, Any]:
    if items is None and not prompts:
        raise ExportError("A new version needs other items or other prompts. Received: neither.")
    if target.exists():
        raise ExportError(
            f"A published version is never overwritten. Received: {target}, which exists. Choose "
            "the next version number."
        )
    card = read_card(before)
    if card["kind"] != "Retriever" or card["tokens"] or not (before / FROZEN_INDEX).is_file():
        raise ExportError(
            "Catalog and prompts are exchanged in a retriever's version that takes strings. "
            f"Received: a {card['kind']}{' of tokens' if card['tokens'] else ''} in {before}. "
            "Export it from its run."
        )
    return card


def _own_tensors(before: Path) -> dict[str, Any]:
    """All variables of a version but those of the frozen network."""
    reader = tf.train.load_checkpoint(str(before / "variables" / "variables"))
    names = [n for n in reader.get_variable_to_shape_map() if not n.startswith("backbone/")]
    return {name: reader.get_tensor(name) for name in names}


def _catalog_tensors(
    before: Path, items: Catalog, tensors: Mapping[str, Any], card: Mapping[str, Any]
) -> dict[str, Any]:
    """The variables of another catalog, its texts read by the version itself."""
    import tensorflow_text  # noqa: F401  (registers the operations of the tokenizer)

    texts = items.texts(card["item_text"])
    ids = items.ids.tolist()
    encode = tf.saved_model.load(str(before)).signatures["encode_item"]
    vectors = _vectors(items, encode)
    parts = []
    for at in range(0, len(ids), _TEXTS_AT_ONCE):
        some = slice(at, at + _TEXTS_AT_ONCE)
        own = {name: tf.constant(values[some]) for name, values in vectors.items()}
        answer = encode(text=tf.constant(texts[some]), item_id=tf.constant(ids[some]), **own)
        parts.append(answer["embedding"].numpy())
    embeddings = np.concatenate(parts)
    width = tensors[f"catalog/trained/values{_VALUE}"].shape[1]
    changed: dict[str, Any] = {f"catalog/item_ids/ids{_VALUE}": np.array(ids, object)}
    halves = {"trained": embeddings[:, :width], "vectors": embeddings[:, width:]}
    for name, values in halves.items():
        stored, scales = stored_values(values, card["catalog"]["stored_as"])
        changed[f"catalog/{name}/values{_VALUE}"] = stored
        if scales is not None:
            changed[f"catalog/{name}/scales{_VALUE}"] = scales
    if (key := f"catalog/ids{_VALUE}") in tensors:
        old_rows = {
            text.decode(): row for row, text in enumerate(tensors[f"catalog/item_ids/ids{_VALUE}"])
        }
        table = np.zeros((len(ids), tensors[key].shape[1]), np.float32)
        for row, text in enumerate(ids):
            if text in old_rows:
                table[row] = tensors[key][old_rows[text]]
        changed[key] = table
    if (key := f"catalog/titles{_VALUE}") in tensors:
        changed[key] = np.array(items.titles(), object)
    if (key := f"request/history_words/names{_VALUE}") in tensors:
        history = Template.parse(card["template"]).text_history
        titles = history is not None and history.form == "titles"
        changed[key] = np.array(items.titles() if titles else texts, object)
    return changed


def _vectors(items: Catalog, encode: Any) -> dict[str, np.ndarray]:
    """The further vectors that `encode_item` takes; NaN, the old catalog's own, where not given."""
    specs = encode.structured_input_signature[1]
    found = {}
    for name, spec in specs.items():
        if spec.dtype != tf.float32:
            continue
        shape = (len(items), int(spec.shape[1]))
        values = items.vectors.get(name, np.full(shape, np.nan, np.float32))
        if values.shape != shape:
            raise ExportError(
                f"The item vectors {name!r} of this version are {shape[1]} numbers long. "
                f"Received: {values.shape[1]} in the new catalog. They are another embedding."
            )
        found[name] = values
    return found


def _prompt_tensors(
    tensors: Mapping[str, Any],
    card: Mapping[str, Any],
    prompts: Mapping[str, Any],
    names: list[str],
) -> dict[str, Any]:
    """The bank with other prompts in it."""
    soft_key, deep_key = f"prompts/soft{_VALUE}", f"prompts/deep{_VALUE}"
    soft, deep = list(tensors[soft_key]), list(tensors.get(deep_key, ()))
    for name, directory in prompts.items():
        try:
            frame = card.get("prompts_share")
            member = read_prompt(name, directory, card["shared_sha256"], frame)
        except CheckpointError as error:
            raise ExportError(str(error)) from error
        own = soft_of(member, soft[0].shape[-1])
        own_deep = deep_of(member, own.shape)
        if own.shape != soft[0].shape or (deep and own_deep.shape != deep[0].shape):
            raise ExportError(
                f"The prompts of one artifact are {soft[0].shape[-2]} vectors long. "
                f"Received: {own.shape[0]} in {directory}, for {name!r}."
            )
        place = names.index(name)
        soft[place : place + 1] = [own]
        if deep:
            deep[place : place + 1] = [own_deep]
    return {soft_key: np.stack(soft), **({deep_key: np.stack(deep)} if deep else {})}


def _assemble(
    before: Path, version: Path, tensors: Mapping[str, Any], assets: Mapping[str, Any]
) -> None:
    """Puts a version together: what is the same is shared, what is new is written."""
    (version / "assets").mkdir(parents=True)
    (version / "assets.extra").mkdir()
    share(before / "saved_model.pb", version / "saved_model.pb")
    share(before / FROZEN_INDEX, version / FROZEN_INDEX)
    share(before / WARM_UP_FILE, version / WARM_UP_FILE)
    for path in sorted((before / "assets").iterdir()):
        if path.name in assets:
            assets[path.name](version / "assets" / path.name)
        else:
            share(path, version / "assets" / path.name)
    folder = version / "variables.parts"
    folder.mkdir()
    shutil.copyfile(before / FROZEN_INDEX, folder / "0.index")
    share(frozen_file(before), folder / "0.data-00000-of-00001")
    write_bundle(folder / "1", dict(tensors))
    merge_bundles([folder / "0", folder / "1"], version / "variables" / "variables")
    shutil.rmtree(folder)
    write_fingerprint(version)
