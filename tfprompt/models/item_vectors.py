"""Which vectors of the catalog a model reads beside an item's text, and how much they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog

# What `item_vectors` of a model may be: names, or names with weights.
Given = Sequence[str] | Mapping[str, Any] | None
# Inputs of an artifact's signature `encode_item` that have these names already.
_TAKEN = ("text", "item_id", "text_tokens")


def item_vector_options(items: Catalog, given: Given) -> dict[str, dict[str, float]]:
    """Width and weight of each vector that a model reads.

    Args:
        items: the catalog, which holds the vectors.
        given: names; or weights by name; or what this function gave before, which says the widths
            where the catalog holds no vectors (a model that is read from a file with its table).

    Returns:
        `{"width": V, "weight": w}` by name, in the order given.

    Raises:
        ConfigError: the catalog has no such vectors, or others; a weight that is not above 0.

    Example:
        >>> import numpy as np, polars as pl
        >>> from tfprompt.data.catalog import Catalog
        >>> items = Catalog(pl.DataFrame({"item_id": ["a"]}), "{item_id}", vectors={"x": [[1, 2]]})
        >>> item_vector_options(items, {"x": 0.5})
        {'x': {'width': 2, 'weight': 0.5}}
    """
    if isinstance(given, str) or not isinstance(given, Sequence | Mapping | None):
        raise ConfigError(
            "item_vectors are names of vectors of the catalog, or weights by name, as "
            f"{{'image': 0.5}}. Received: {given!r}."
        )
    named = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given or (), 1.0)
    return {str(name): _option(items, str(name), value) for name, value in named.items()}


def _option(items: Catalog, name: str, value: Any) -> dict[str, float]:
    weight, width = value, None
    if isinstance(value, Mapping):
        weight, width = value.get("weight", 1.0), value.get("width")
    if name in _TAKEN or not (name.isascii() and name.isidentifier()):
        raise ConfigError(
            "Item vectors have a name of letters, digits and _, and none of "
            f"{', '.join(_TAKEN)}. Received: {name!r}."
        )
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not weight > 0:
        raise ConfigError(
            f"The weight of item vectors is a number above 0. Received: {{{name!r}: {weight!r}}}."
        )
    known = items.vectors.get(name)
    if known is None and width is None:
        held = ", ".join(sorted(items.vectors)) or "none"
        raise ConfigError(
            f"The catalog holds the item vectors that a model reads. Received: {name!r}; it holds "
            f"{held}. Add them with data.with_item_vectors({name}=array) or as a column of the "
            "items."
        )
    if known is not None and width is not None and known.shape[1] != width:
        raise ConfigError(
            f"The item vectors {name!r} of this model are {width} numbers long. Received: "
            f"{known.shape[1]} in the catalog. They are another embedding."
        )
    size = int(known.shape[1]) if known is not None else int(width or 0)
    return {"width": size, "weight": float(weight)}
