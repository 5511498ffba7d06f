"""What the comparison of one model with three says of its runs."""

from __future__ import annotations

import numpy as np
import pytest

from tfprompt.prompts.template import Template


def _test(name, values):
    import multitask

    mean = float(np.mean(values))
    return {name: mean**0.5 if name == "rmse" else mean, "per_user": {name: multitask.pack(values)}}


def _run(row, seed, task, name, values, recipe=1):
    return {"row": row, "seed": seed, "recipe": recipe, "seconds": 1.0,
            "test": {task: _test(name, values)}}  # fmt: skip


@pytest.mark.parametrize("name", ["ndcg@10", "rmse"])
def test_the_gap_is_the_ratio_of_means_over_seeds(name):
    import multitask

    rng = np.random.default_rng(0)
    single, multi = rng.random((2, 50)), rng.random((2, 50))
    pairs = [(_test(name, a), _test(name, b)) for a, b in zip(single, multi, strict=True)]
    found = multitask.gap(name, [0, 1], pairs)
    power = 0.5 if name == "rmse" else 1.0
    assert found["relative"] == pytest.approx((multi.mean() / single.mean()) ** power - 1, rel=1e-3)
    assert found["low"] < found["relative"] < found["high"]
    assert found["by_seed"]["1"] == pytest.approx(
        (multi[1].mean() / single[1].mean()) ** power - 1, rel=1e-3
    )


def test_equal_models_have_no_gap():
    import multitask

    test = _test("ndcg@10", np.arange(9.0))
    found = multitask.gap("ndcg@10", [0], [(test, test)])
    assert (found["low"], found["relative"], found["high"]) == (0, 0, 0)


def test_only_seeds_of_both_and_of_one_recipe_are_compared(monkeypatch):
    import multitask

    monkeypatch.setattr(multitask, "MEASURES", {"rating": {"rmse": False}})
    monkeypatch.setattr(multitask, "TEMPLATES", {"rating": ""})
    monkeypatch.setattr(multitask, "ROWS", {"rating": ("rating",), "multi-task": ("rating",)})
    runs = [
        _run("rating", 1, "rating", "rmse", [9.0, 9.0], recipe=0),  # an older recipe
        _run("rating", 0, "rating", "rmse", [4.0, 4.0]),
        _run("multi-task", 0, "rating", "rmse", [1.0, 1.0]),
        _run("multi-task", 1, "rating", "rmse", [1.0, 1.0]),
    ]
    found = multitask.summary(runs)
    assert found["gaps"]["rating"]["rmse"]["relative"] == pytest.approx(-0.5)
    assert found["rating"]["seeds"] == [0] and found["multi-task"]["seeds"] == [0, 1]


@pytest.mark.parametrize("data", ["movielens-100k", "amazon-toys"])
def test_every_recipe_is_whole(data):
    import multitask

    for row, tasks in multitask.ROWS.items():
        found = multitask.recipe(data, row, epochs=3)
        if row not in multitask.BASELINES:
            assert found["epochs"] == 3 and list(found["templates"]) == list(tasks)
            for task, template in found["templates"].items():
                parsed = Template.parse(template)
                assert (parsed.candidate is not None) == (task == "rating")
                assert parsed.has_history == (task != "direct")
