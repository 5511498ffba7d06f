"""A ranker's SavedModel judges what it is given as the Python model does, in a clean process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import rated
from tests.artifacts.test_saved_model import ask
from tfprompt.errors import ExportError

SPLIT = rated.rated().leave_one_out()
LOWEST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize(
    ("template", "objective", "inputs"),
    [
        pytest.param(
            rated.TOKEN,
            "rating",
            ["age", "candidates", "history", "history_ratings", "wish"],
            marks=pytest.mark.slow,
        ),
        (rated.TEXT, "like", ["age", "candidates", "history", "history_ratings", "wish"]),
        pytest.param(
            "{soft:2} {history:items} next {item:token}",
            "click",
            ["candidates", "history", "wish"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "{soft:2} {age:feature} takes {item:token}",
            "rating",
            ["age", "candidates"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_answers_equal_python(
    template: str, objective: str, inputs: list[str], own_home: Path, tmp_path: Path
) -> None:
    model = rated.ranker(template, objective, collaborative=2)
    model.mark_warm(SPLIT.train)
    rated.moved(model, by=0.1)
    ids, requests, rows = SPLIT.train.catalog.ids, SPLIT.test, np.arange(4)
    lists = np.random.default_rng(0).integers(0, len(ids), (4, 5))
    expected = model.scores_of(requests, rows, lists)
    expected = 1 / (1 + np.exp(-expected)) if objective == "like" else expected

    parts = [slice(*requests.history_offsets[[row, row + 1]]) for row in rows]
    longest = max(part.stop - part.start for part in parts)
    missing = [longest - (part.stop - part.start) for part in parts]
    ages = requests.users["age"][: len(rows)].to_list()
    given: dict[str, Any] = {
        "candidates": [["nobody", *ids[row].tolist(), ""] for row in lists],
        "history": [
            [""] * m + ids[requests.histories[part]].tolist()
            for m, part in zip(missing, parts, strict=True)
        ],
        "history_ratings": [
            [float("nan")] * m + requests.history_ratings[part].tolist()
            for m, part in zip(missing, parts, strict=True)
        ],
        "wish": [""] * 4,
        "age": [
            (float("nan") if age is None else float(age))
            if "feature" in template
            else ("" if age is None else str(age))
            for age in ages
        ],
    }
    directory = model.export(tmp_path / "judge" / "1", check=objective == "like")
    # Each request twice, the second time with a wish.
    twice = {name: given[name] * 2 for name in inputs}
    if "wish" in inputs:
        twice["wish"] = [""] * 4 + ["star wars"] * 4
    answer = ask(directory, twice)
    assert answer["inputs"] == inputs
    found, wished = np.split(np.array(answer["scores"]), 2)
    np.testing.assert_allclose(found[:, 1:-1], expected, atol=1e-4)
    assert (found[:, [0, -1]] == np.float32(LOWEST)).all()
    if "wish" in inputs:
        assert np.abs(wished[:, 1:-1] - expected).max() > 1e-4


def test_a_published_version_is_never_overwritten(own_home: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="never overwritten"):
        rated.ranker().export(tmp_path)
