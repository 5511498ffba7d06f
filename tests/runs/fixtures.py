"""Fixtures of the run directory, shared with the command line's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.runs import toy


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for the files of this session, with a cache of its own."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def settings(room: Path) -> dict[str, Any]:
    """Settings of a run of seconds on files."""
    backbone = toy.write_backbone(room / "backbone")
    return toy.options(backbone, toy.write_tables(room / "tables"))


@pytest.fixture(autouse=True)
def own_home(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of these tests goes to the user's cache."""
    monkeypatch.setenv("TFPROMPT_HOME", str(room / "home"))


@pytest.fixture(scope="session")
def trained(room: Path, settings: dict[str, Any]) -> Path:
    """A finished run, to be read by tests and left as it is."""
    import os

    from tfprompt.runs import RunConfig, train

    before = os.environ.get("TFPROMPT_HOME")
    os.environ["TFPROMPT_HOME"] = str(room / "home")
    try:
        train(RunConfig(**settings), room / "trained")
    finally:
        if before is None:
            del os.environ["TFPROMPT_HOME"]
        else:
            os.environ["TFPROMPT_HOME"] = before
    return room / "trained"
