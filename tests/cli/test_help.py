"""Every command explains itself, at once and with an example that is written down."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import tfprompt
from tests.cli.conftest import cli
from tfprompt.cli.main import app
from tfprompt.runs import RunConfig

ROOT = Path(__file__).parents[2]


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        yield (*words, name), command


COMMANDS = dict(_commands(typer.main.get_command(app)))


def test_the_commands() -> None:
    assert {words[0] for words in COMMANDS} == {
        "fit", "evaluate", "recommend", "export", "lint-export", "serve", "demo-page", "inspect",
        "data", "search",
    }  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_with_an_example(words: tuple[str, ...], capsys: Any) -> None:
    done = cli(capsys, *words, "--help")
    assert done.status == 0 and not done.err
    assert f"Example: tfprompt {words[0]}" in " ".join(done.out.split())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_has_help(words: tuple[str, ...]) -> None:
    for parameter in COMMANDS[words].params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), f"{words}: {parameter.name}"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_documents(words: tuple[str, ...]) -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in documents if path.exists())
    assert f"tfprompt {' '.join(words)}" in text


def test_every_setting_is_an_option_of_fit() -> None:
    options = {parameter.name for parameter in COMMANDS[("fit",)].params}
    passed_on = {name for name in RunConfig.names() if name.endswith("_options")}  # by --set
    assert set(RunConfig.names()) - passed_on <= options
    assert all(field.metadata["help"] for field in dataclasses.fields(RunConfig))


def test_version(capsys: Any) -> None:
    assert cli(capsys, "--version").out == f"tfprompt {tfprompt.__version__}\n"


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tfprompt.cli.main import run\n"
        "try: run(['fit', '--help'])\n"
        "except SystemExit as end: status = end.code\n"
        "heavy = ('tensorflow', 'keras', 'keras_hub', 'polars', 'numpy', 'matplotlib', 'grpc')\n"
        "print('loaded:', [name for name in heavy if name in sys.modules], status)"
    )
    floor = (
        "import typer\napp = typer.Typer(rich_markup_mode='markdown')\n"
        "@app.command()\ndef fit(size: int = 1): 'Does nothing.'\n"
        "app(['--help'])"
    )
    times: dict[str, list[float]] = {code: [], floor: []}
    for _ in range(3):
        for program, taken in times.items():
            began = os.times().children_user
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            taken.append(os.times().children_user - began)
            assert program == floor or "loaded: [] 0" in done.stdout
    # Processor time, the best of three, against the smallest command that explains itself: how fast
    # the machine is does not matter, nor whether it is busy. 0.5 s where that one takes 0.18 s.
    assert min(times[code]) < 2.8 * min(times[floor])
