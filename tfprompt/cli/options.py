"""Options that several commands share; their help and defaults come from `RunConfig`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tfprompt.errors import ConfigError
from tfprompt.runs.config import RunConfig

_FIELDS = {field.name: field for field in dataclasses.fields(RunConfig)}


def field(name: str, *flags: str, panel: str = "Training") -> Any:
    """The option of a field of `RunConfig`; unset it is None, and the default stays there."""
    known = _FIELDS[name]
    default = None if known.default is dataclasses.MISSING else known.default
    note = "" if default is None else f" [default: {_shown(default)}]"
    return typer.Option(
        *(flags or (f"--{name.replace('_', '-')}",)),
        help=known.metadata["help"].replace("[", "\\[") + note.replace("[", "\\["),
        show_default=False,
        rich_help_panel=panel,
    )


def _shown(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


DATA, MODEL = "Data", "Model"
Data = Annotated[str | None, field("data", panel=DATA)]
Interactions = Annotated[Path | None, field("interactions", panel=DATA)]
Items = Annotated[Path | None, field("items", panel=DATA)]
Users = Annotated[Path | None, field("users", panel=DATA)]
Column = Annotated[list[str] | None, field("columns", "--column", panel=DATA)]
MinRating = Annotated[float | None, field("min_rating", panel=DATA)]
KCore = Annotated[int | None, field("k_core", panel=DATA)]
ItemText = Annotated[str | None, field("item_text", panel=DATA)]
Split = Annotated[str | None, field("split", panel=DATA)]
Config = Annotated[
    Path | None,
    typer.Option(help="TOML or JSON file with any of these settings; options come first."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any setting by name, dotted into mappings: --set encoder_options.upper_dropout=0.",
    ),
]
RunDirectory = Annotated[Path, typer.Argument(help="Run directory, from `tfprompt fit`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]


def gather(
    config: Path | None,
    settings: list[str] | None,
    given: dict[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> RunConfig:
    """One configuration out of a file, `--set` and options; the later win.

    Args:
        config: the file.
        settings: `NAME=VALUE` strings.
        given: option values by field; None stands for an option that was not given.
        defaults: of a command, in place of the configuration's own.

    Raises:
        ConfigError: an unknown name or a broken value.
    """
    values = dict(defaults or {}) | (RunConfig.read(config) if config is not None else {})
    for setting in settings or []:
        name, value = _pair(setting, "--set")
        _put(values, name, _parsed(value))
    columns = given.pop("columns", None)
    if columns:
        given["columns"] = dict(_pair(column, "--column") for column in columns)
    for name, value in given.items():
        if value is not None:
            values[name] = str(value) if isinstance(value, Path) else value
    return RunConfig.from_dict(values)


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE` strings as a mapping.

    Raises:
        ConfigError: one has no equals sign.
    """
    return dict(_pair(value, option) for value in values or [])


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{option} is written NAME=VALUE. Received: {text!r}.")
    return name.strip(), value


def _parsed(value: str) -> Any:
    """A JSON value, or else the text itself: 3, true, null, [1, 2], full."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    *outer, last = name.split(".")
    inside = values
    for key in outer:
        inside = inside.setdefault(key, {})
        if not isinstance(inside, dict):
            raise ConfigError(f"--set {name}: {key!r} is no mapping.")
    inside[last] = value
