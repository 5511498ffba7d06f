"""Nothing that a test of this room computes is kept in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _own_home(own_home: Path) -> None:
    """States of tiny backbones go to a directory of this session."""
