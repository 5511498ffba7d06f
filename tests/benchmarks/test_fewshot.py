"""The learning curves: what is run, how it is trained, how it is shown."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import keras
import numpy as np
import pytest

from tests import rated, toy
from tfprompt.prompts import Verbalizer
from tfprompt.prompts.template import Template


def test_what_no_seed_changes_is_run_once():
    import fewshot

    rows = [*fewshot.BASELINES, *fewshot.ROWS]
    found = fewshot.plan("movielens-100k", "leave-one-out", rows, ["0", "16", "all"], 2, 400)
    by_seed = {seed: [row for row, s, _ in found if s == seed] for seed in (0, 1)}
    assert set(by_seed[0]) == {
        "content-whitened-0", "popularity-16", "item-knn-16", "popularity-all", "item-knn-all",
        *(f"{row}-{size}" for row in fewshot.ROWS for size in ("0", "16", "all")),
    }  # fmt: skip
    assert set(by_seed[1]) == {
        "popularity-16", "item-knn-16",
        *(f"{row}-{size}" for row in fewshot.ROWS for size in ("16", "all")),
    }  # fmt: skip


@pytest.mark.parametrize("data", ["movielens-100k", "amazon-toys"])
def test_every_recipe_is_whole_and_makes_as_many_steps(data):
    import fewshot

    for row in fewshot.ROWS:
        few, many = (fewshot.recipe(data, "cold-items", row, size) for size in ("16", "all"))
        assert (few["steps"], few["checks"]) == (many["steps"], many["checks"])
        assert Template.parse(few["template"]).reads_history
        assert {**few, "users": "all"} == many
        assert "steps" not in fewshot.recipe(data, "cold-items", row, "0")


@pytest.mark.parametrize("size", ["0", "2", "all"])
def test_a_model_is_trained_for_its_steps_and_ends_at_its_best(size, monkeypatch):
    import fewshot
    import prompted

    import tfprompt as tp

    split = toy.dataset().leave_one_out()
    if size == "2":
        split = tp.data.few_shot(split, users=2)
    made = toy.retriever("liked {history:titles 2}", start="text", data=toy.dataset())
    monkeypatch.setattr(prompted, "build", lambda recipe, split, seed: made)
    monkeypatch.setattr(
        prompted, "scheduled_optimizer", lambda recipe, total: keras.optimizers.Adam(0.01)
    )
    recipe = fewshot.recipe("movielens-100k", "leave-one-out", "words-start", size, steps=6)
    made.prepare()
    rows = np.arange(len(split.validation))
    before = made.scores(split.validation, rows)
    model, facts = fewshot.train({**recipe, "checks": 3, "batch_size": 4}, split, seed=0)
    if size == "0":
        assert "steps" not in facts
        np.testing.assert_array_equal(model.scores(split.validation, rows), before)
        return
    assert facts["steps"] == int(made.optimizer.iterations) == 6 and len(facts["curve"]) == 3
    best = facts["best_step"] // 2
    found = tp.evaluate(model, split.validation, baselines=False, bootstrap=0)["ndcg@10"]
    if best:
        assert found == pytest.approx(facts["curve"][best - 1], abs=1e-6)
    assert found == pytest.approx(max(found, *facts["curve"]), abs=1e-6)  # never below the start


def _result():
    def summary(mean, low=None, high=None):
        interval = {"ndcg@10": [mean - 0.01, mean + 0.01]}
        found = {"mean": mean, "low": low, "high": high, "sd": None}
        return {"measures": {"ndcg@10": found}, "interval": interval, "seeds": [0]}

    run = {
        "row": "words-start-16", "recipe": {"row": "words-start", "steps": 400, "checks": 8},
        "template": "a film like {history:titles 5}", "command": "python x", "date": "2026-01-02",
        "machine": {"cpu": "c", "cores": 2, "system": "s", "ONEDNN_DEFAULT_FPMATH_MODE": "unset"},
        "versions": {"numpy": "2"},
    }  # fmt: skip
    return {
        "benchmark": "fewshot", "data": {"name": "toy"}, "runs": [run],
        "split": {"name": "cold-items", "users": 40, "test": {"requests": 9, "protocol": "all"}},
        "summary": {
            "words-start-0": summary(0.02), "words-start-all": summary(0.05, 0.04, 0.06),
            "words-start-16": summary(0.03, 0.02, 0.04), "item-knn-16": summary(0.0),
        },
    }  # fmt: skip


def test_the_page_shows_each_row_by_size():
    import render

    page = render.render([_result()])
    assert "|  | 0 | 16 | all |" in page
    assert "| words-start | 0.0200 (± 0.0100) | 0.0300 ± 0.0100 | 0.0500 ± 0.0100 |" in page
    assert "| item-knn | – | 0.0000 (± 0.0100) | – |" in page
    assert "400 steps" in page and "fewshot-toy-cold-items.svg" in page
    assert "`a film like {history:titles 5}`" in page


def test_the_curve_is_drawn_in_its_place():
    import render_fewshot

    picture = ElementTree.fromstring(render_fewshot.draw(_result()))
    space = "{http://www.w3.org/2000/svg}"
    lines = picture.findall(f"{space}polyline")
    assert len(lines) == 1  # a single point makes no line
    points = [tuple(map(float, p.split(","))) for p in lines[0].get("points").split()]
    across, down = zip(*points, strict=True)
    assert list(across) == sorted(across) and list(down) == sorted(down, reverse=True)
    assert len(picture.findall(f"{space}circle")) == 4


def test_words_are_trained_for_their_steps():
    import verbalizers

    import tfprompt as tp

    split = tp.data.few_shot(rated.rated().ratio(0.3), examples=4, history=5)
    model = rated.ranker(
        "liked {history:titles 2} {item:text}", "like", bias=False,
        verbalizer=Verbalizer.of(["bad", "good"], soft=True, calibrated=True),
    )  # fmt: skip
    recipe = verbalizers.recipe("words-soft-calibrated", "4", steps=4)
    facts = verbalizers.train(model, split, {**recipe, "checks": 2, "batch_size": 4}, seed=0)
    assert int(model.optimizer.iterations) == 4 and len(facts["curve"]) == 2
    best = tp.judge(model, split.validation, like=4.0, bootstrap=0).measures["auc"]
    assert best >= max(facts["curve"]) - 1e-3


def test_every_row_of_verbalizers_is_whole():
    import verbalizers

    for row in verbalizers.ROWS:
        found = verbalizers.recipe(row, "16", steps=10)
        assert found["steps"] == 10 and (found["verbalizer"] is None) == (row == "linear")
        assert Template.parse(found["template"]).candidate is not None
