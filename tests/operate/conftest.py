import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVING = Path(__file__).parents[2] / "serving"
# The load test is a script that imports from its own folder.
sys.path.insert(0, str(SERVING))

from tests.operate.prediction_server import PredictionServer  # noqa: E402


@pytest.fixture
def server() -> Iterator[PredictionServer]:
    """A gRPC server of the official service that answers every request the same."""
    with PredictionServer() as running:
        yield running
