"""A model as JSON, and back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import polars as pl
from keras.src.saving.serialization_lib import SafeModeScope

from tfprompt.data.catalog import Catalog
from tfprompt.data.column import Column
from tfprompt.encoders.loading import LoadedBackbone, load_backbone
from tfprompt.encoders.packaged import packaged_names
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.errors import CheckpointError
from tfprompt.prompts.segments import USER

if TYPE_CHECKING:
    from tfprompt.models.kept_model import KeptModel


def describe(model: KeptModel) -> dict[str, Any]:
    """Everything but weights and catalog: kind, template, options, the backbone's identity."""
    loaded = model.encoder.loaded
    return {
        "kind": type(model).__name__,
        "template": model.encoder.template.source,
        "encoder": model.encoder.options(),
        "model": model.options(),
        "backbone": {
            "name": loaded.name,
            "preset": loaded.preset,
            "fingerprint": loaded.fingerprint,
        },
    }


def describe_catalog(model: KeptModel) -> dict[str, Any]:
    """The items of a model and the columns that it reads, as JSON."""
    return {
        "items": model.catalog.frame.to_dict(as_series=False),
        "item_text": model.catalog.item_text,
        "columns": [
            dataclasses.asdict(column)
            for name, column in model.catalog.columns.items()
            if name != USER or name in model.encoder.template.features
        ],
    }


def rebuild(cls: type[Any], config: dict[str, Any], loaded: LoadedBackbone | None = None) -> Any:
    """The model that `describe` and `describe_catalog` described, with fresh weights.

    Raises:
        CheckpointError: the backbone that now goes by that name is another one.
    """
    if loaded is None:
        preset = config["backbone"]["preset"]
        if preset not in packaged_names():
            raise CheckpointError(
                "A .keras file names its backbone, and only packaged ones are loaded on a file's "
                f"word ({', '.join(packaged_names())}). Received: {preset!r}. Keep such models "
                "with save_prompts and load them with tp.load(..., backbone=...)."
            )
        # `keras.models.load_model` forbids files outside of its archive, since a file might name
        # any. Those of a packaged backbone are checksummed and hold no code.
        with SafeModeScope(False):
            loaded = load_backbone(preset)
    check_backbone(config["backbone"], loaded)
    encoder = PromptedEncoder(loaded, config["template"], **config["encoder"])
    described = config["catalog"]
    columns = [Column(**_with_tuple(column)) for column in described["columns"]]
    catalog = Catalog(
        pl.DataFrame(described["items"]),
        described["item_text"],
        {column.name: column for column in columns},
    )
    named = {k: config[k] for k in ("name",) if k in config}
    return cls.from_options(encoder, catalog, config["model"], **named)


def check_backbone(expected: dict[str, str], received: LoadedBackbone) -> None:
    """Refuses a backbone that is not the one of training."""
    if expected["fingerprint"] != received.fingerprint:
        raise CheckpointError(
            "Prompts work only with the backbone they were trained on: "
            f"{expected['name']} ({expected['fingerprint'][:12]}). Received: {received.name} "
            f"({received.fingerprint[:12]})."
        )


def _with_tuple(column: dict[str, Any]) -> dict[str, Any]:
    vocabulary = column.get("vocabulary")
    return {**column, "vocabulary": None if vocabulary is None else tuple(vocabulary)}
