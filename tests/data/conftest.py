"""Small files for the tests of the data room."""

from __future__ import annotations

import pytest

from tests.data.tables import EVENTS, ITEMS, write


@pytest.fixture
def events(tmp_path):
    return write(tmp_path / "events.csv", EVENTS)


@pytest.fixture
def items(tmp_path):
    return write(tmp_path / "items.csv", ITEMS)
