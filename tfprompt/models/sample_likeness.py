"""What requests may be like, before any was seen: where the keys of a pool start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tfprompt.encoders.prompt_layers import likeness
from tfprompt.models.request_fields import RequestFields, history_texts
from tfprompt.prompts.segments import WISH

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.models.kept_model import KeptModel

# Requests that are made up for the keys of a pool of texts.
_REQUESTS = 512


def sample_likeness(model: KeptModel) -> np.ndarray:
    """Vectors `[n, Q]` that a pool's keys are compared with, see `likeness`.

    With a history, those of the items. Without one, those of requests that are made up: profiles
    of the values that the columns have, and titles for past items and wishes. All such texts have
    much in common, so of keys that start anywhere else a few would answer for all.

    Args:
        model: its item table is filled.
    """
    encoder = model.encoder
    if encoder.template.has_history:
        return np.asarray(model.item_table.all_items()[0])
    generator = np.random.default_rng(encoder.seed)
    people = _people(model.catalog, encoder.template.fields, generator)
    items = history_texts(encoder.template, model.catalog, model.item_text)
    fields = RequestFields(encoder, model.catalog.columns, people, cache=False, items=items)
    past = None
    if (words := encoder.template.text_history) is not None:
        past = generator.integers(len(items), size=(_REQUESTS, words.count))
    return np.asarray(likeness(encoder, fields.take(np.arange(_REQUESTS), history=past)))


def _people(
    catalog: Catalog, names: tuple[str, ...], generator: np.random.Generator
) -> pl.DataFrame:
    """`_REQUESTS` rows of the columns that a template reads as text."""

    def drawn(name: str) -> Any:
        column = catalog.columns.get(name)
        if name == WISH:
            return generator.choice(catalog.titles(), _REQUESTS)
        if column is not None and column.vocabulary:
            return generator.choice(column.vocabulary, _REQUESTS)
        if column is not None and column.kind == "number":
            noise = generator.standard_normal(_REQUESTS)
            return np.round((column.mean or 0.0) + (column.std or 1.0) * noise)
        return [None] * _REQUESTS

    columns = {name: pl.Series(name, drawn(name), strict=False) for name in names}
    return pl.DataFrame({"row": np.arange(_REQUESTS), **columns})
