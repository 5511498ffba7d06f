"""Fixtures shared with the run directory, and a way to call the command line."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.runs.fixtures import own_home, room, settings, trained
from tfprompt.cli.main import run

__all__ = ["cli", "own_home", "room", "settings", "trained"]


@dataclasses.dataclass
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str


def cli(capsys: Any, *words: object) -> Done:
    """Runs `tfprompt` with these words, in this process."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run([str(word) for word in words])
    out, err = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return Done(end.value.code, out, err)
