"""What the benchmark of a stream tries, chooses and shows."""

from __future__ import annotations

from typing import Any

import continual
import continual_recipes
import numpy as np
import pytest
from render_continual import continual as section

import tfprompt as tp
from tfprompt.continual import Outcome

STAGES = ("a", "b")


def outcome(row: str, seed: int, part: str, matrix: list[list[float]], later: list[str]) -> Any:
    return Outcome(
        row, seed, STAGES, "ndcg@10", part, np.zeros(2), np.array(matrix), (2.0, 3.0),
        {"later": later}, "f" * 64,
    ).to_dict()  # fmt: skip


def made(row: str, seed: int, recipe: Any, part: str, matrix: list[list[float]]) -> dict[str, Any]:
    versions = {"python": "3", "tfprompt sources": "0" * 64}
    machine = {"cpu": "c", "cores": 2, "system": "s", "ONEDNN_DEFAULT_FPMATH_MODE": "unset"}
    return {
        "row": row,
        "seed": seed,
        "recipe": recipe,
        "date": "2030-01-02T03:04:05",
        "seconds": 5.0,
        "command": "python benchmarks/continual.py",
        "machine": machine,
        "versions": versions,
        "outcome": outcome(row, seed, part, matrix, ["prompts"]),
    }


@pytest.mark.parametrize("row", continual_recipes.ROWS)
def test_recipes_are_arguments_of_their_methods(row: str) -> None:
    recipes = continual_recipes.tries(row)
    assert 1 <= len(recipes) <= 3  # the same small budget for all
    assert len({str(recipe) for recipe in recipes}) == len(recipes)
    for recipe in recipes:
        course = tp.continual.Course(**recipe["course"])
        method = getattr(tp.continual, recipe["method"])(course, **recipe["options"])
        assert method.settings()["epochs"] == recipe["course"]["epochs"]


def test_what_validation_prefers_is_chosen_whatever_the_test_part_says() -> None:
    recipes = continual_recipes.tries("pool")
    averages = (0.2, 0.4, 0.3)
    result: dict[str, Any] = {
        "tried": [
            made("pool", 0, recipe, "validation", [[0.1, 0.1], [value, value]])
            for recipe, value in zip(recipes, averages, strict=True)
        ],
        "runs": [made("pool", 0, recipes[0], "test", [[0.9, 0.9], [0.9, 0.9]])],
    }
    assert continual.chosen(result, "pool", recipes) == recipes[1]
    assert continual.chosen(result, "fine-tune", recipes) == recipes[0]


def test_the_section_sets_forgetting_beside_plain_fine_tuning() -> None:
    plain, pool = (continual_recipes.tries(row)[0] for row in ("fine-tune", "pool"))
    runs = [
        made("fine-tune", 0, plain, "test", [[0.5, 0.1], [0.3, 0.6]]),
        made("fine-tune", 1, plain, "test", [[0.5, 0.1], [0.1, 0.6]]),
        made("pool", 0, pool, "test", [[0.5, 0.1], [0.44, 0.6]]),
    ]
    stage = {"name": "a", "users": 1, "events": 10, "requests": 2, "candidates": 5, "protocol": ""}
    text = section(
        {
            "data": {"name": "toys"},
            "split": {"name": "genre", "stages": [stage, {**stage, "name": "b"}]},
            "tried": [made("pool", 0, pool, "validation", [[0.1, 0.1], [0.2, 0.4]])],
            "runs": runs,
            "summary": continual.summary(runs),
        }
    )
    # Mean forgetting .3 of two seeds, ± 12.7062 · sd / √2; that of the pool .06.
    assert "| fine-tune | 2 | 0.4000 ± 0.6353 | 0.3000 ± 1.2706 |" in text
    row = next(line for line in text.splitlines() if line.startswith("| pool | 1 "))
    assert "| 0.0600 | -0.0600 | 0.1000 | 20% | 5 |" in row
    assert "rate 0.002: 0.3000 (chosen)" in text and "{pool:2x4 of 20}" in text
