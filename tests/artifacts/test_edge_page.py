"""docs/edge.md shows the figures of its result file, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    path = ROOT / "benchmarks" / "results" / "edge-movielens-100k.json"
    return json.loads(path.read_text("utf-8"))


def test_the_page_is_what_the_result_file_gives() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "export" / "edge_page.py"), "--check"])
    assert done.returncode == 0, "run python export/edge_page.py"


def test_dynamic_files_are_small_near_and_faster(result: dict[str, Any]) -> None:
    rows = {}
    for row in result["rows"]:
        setting = tuple(row[name] for name in ("run", "variant", "history", "text"))
        rows.setdefault(setting, {})[row["quantize"]] = row
    whole, kept = 0, []
    for kinds in rows.values():
        exact, dynamic = kinds[None], kinds["dynamic"]
        assert dynamic["bytes"] <= 0.3 * exact["bytes"]
        kept.append(dynamic["ndcg@10"] / exact["ndcg@10"])
        whole += bool(exact["wish"] or exact["text"])
        # A float32 file gives the queries of the model.
        assert exact["cosine_min"] > 0.9999
        assert dynamic["threads_1"]["processor_ms"] < exact["threads_1"]["processor_ms"]
    # Over the settings: in a single one, one hit more or less is about half a percent.
    assert sum(kept) / len(kept) >= 0.99 and min(kept) >= 0.98
    assert whole, "a file with the whole backbone is measured too"
