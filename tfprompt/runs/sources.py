"""The data that a configuration names, and its split."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset
    from tfprompt.data.split import Split
    from tfprompt.runs.config import RunConfig


def load_data(config: RunConfig) -> Dataset:
    """Loads the named data set, or reads the tables.

    Raises:
        ConfigError: the configuration names no data, or gives an unknown option.
        DataError: a table breaks a rule.
    """
    from tfprompt import data

    if config.data is not None:
        return call_with_options(data.load, "read_options", config.read_options, config.data)
    if config.interactions is None:
        raise ConfigError(
            "A run needs data: a name (`--data movielens-100k`) or tables (`--interactions "
            "events.csv --items items.csv`). Received: neither."
        )
    arguments: dict[str, Any] = {
        "columns": config.columns,
        "item_text": config.item_text,
        "min_rating": config.min_rating,
        "k_core": config.k_core,
    }
    return call_with_options(
        data.read,
        "read_options",
        config.read_options,
        config.interactions,
        config.items,
        config.users,
        **arguments,
    )


def split_data(config: RunConfig, dataset: Dataset) -> Split:
    """Cuts the data as the configuration says.

    Raises:
        ConfigError: an unknown option of the split, or one that breaks its rule.
        DataError: the data does not allow this split.
    """
    cut = getattr(dataset, config.split.replace("-", "_"))
    return call_with_options(cut, "split_options", config.split_options)


def call_with_options(
    function: Callable[..., Any], name: str, options: dict[str, Any], *args: Any, **kwargs: Any
) -> Any:
    """Calls `function`, whose further arguments a user gave by name.

    Raises:
        ConfigError: the function has no such argument, or it is a field of its own.
    """
    import inspect

    known = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    for option in options:
        if option in kwargs or option not in known:
            allowed = ", ".join(sorted(known - kwargs.keys())) or "none"
            raise ConfigError(f"{name} takes: {allowed}. Received: {option!r}.")
    return function(*args, **kwargs, **options)
