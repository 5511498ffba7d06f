"""A program on a device: `export/edge_client.py` in a process with `ai_edge_litert` alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EXPORT = Path(__file__).parents[2] / "export"
_PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from edge_client import DeviceModel
model = DeviceModel(sys.argv[2])
answers = [model.recommend(**request) for request in json.load(sys.stdin)]
foreign = [name for name in ("tensorflow", "keras", "tfprompt") if name in sys.modules]
json.dump({"answers": answers, "foreign": foreign}, sys.stdout)
"""


def ask(path: Path, requests: list[dict[str, Any]]) -> list[list[tuple[str, float]]]:
    """Item ids and scores of each request; requests as `DeviceModel.recommend` takes them."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM, str(EXPORT), str(path)],
        input=json.dumps(requests), capture_output=True, text=True, cwd=path.parent, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["foreign"] == []
    return [[(item, score) for item, score in answer] for answer in found["answers"]]
