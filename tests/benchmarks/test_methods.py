import argparse
import copy
import json

import method_recipes
import methods
import numpy as np
import pytest
import render_methods

import tfprompt as tp
from tfprompt.models.tensors import trained_variables
from tfprompt.prompts.template import Template

NAMED = [(data, row) for data in method_recipes.DATA for row in method_recipes.rows(data)]


@pytest.mark.parametrize(("data", "row"), NAMED)
def test_every_method_is_a_template_and_three_settings_of_json(data, row):
    family, _, trials = method_recipes.METHODS[row]
    assert family in render_methods.FAMILIES
    assert len(trials) == 3
    recipes = [method_recipes.recipe(data, row, 1, number) for number in range(3)]
    assert len({json.dumps(recipe, sort_keys=True) for recipe in recipes}) == 3
    template = Template.parse(recipes[0]["template"])
    assert template.has_history
    assert ("soft" in row) == bool(template.soft) or family in ("personal", "deep")


@pytest.mark.parametrize("row", method_recipes.TUNED_AS)
def test_a_row_tuned_as_another_knows_its_settings(row):
    like = method_recipes.TUNED_AS[row]
    assert like not in method_recipes.TUNED_AS
    own, other = method_recipes.METHODS[row][2], method_recipes.METHODS[like][2]
    assert own == other
    options = argparse.Namespace(
        data="movielens-100k", users=None, trial_epochs=1, epochs=1, seeds=1
    )
    result = {"trials": {}, "runs": []}
    assert {job[1] for job in methods.trial_jobs(result, options, [row, like])} == {like}
    result["trials"][like] = [
        {"number": n, "validation_ndcg@10": v} for n, v in enumerate((1, 3, 2))
    ]
    ((_, name, job),) = methods.seed_jobs(result, options, [row])
    assert (name, job["number"]) == (row, 1)


def test_a_recipe_is_a_copy():
    first = method_recipes.recipe("movielens-100k", "ids: full, one layer", 1, 0)
    before = copy.deepcopy(first)
    method_recipes.recipe("movielens-100k", "ids: full, one layer", 1, 2)["model"]["more"] = 1
    assert method_recipes.recipe("movielens-100k", "ids: full, one layer", 1, 0) == before == first


def test_trials_of_another_budget_or_recipe_are_made_again():
    options = argparse.Namespace(data="movielens-100k", users=None, trial_epochs=3)
    same = method_recipes.recipe("movielens-100k", "words", 3, 0)
    longer = method_recipes.recipe("movielens-100k", "words", 4, 1)
    changed = {**method_recipes.recipe("movielens-100k", "words", 3, 2), "batch_size": 1}
    recipes = (same, longer, changed)
    result = {
        "trials": {"words": [{"number": n, "recipe": recipe} for n, recipe in enumerate(recipes)]}
    }
    jobs = list(methods.trial_jobs(result, options, ["words"]))
    assert [job["number"] for _, _, job in jobs] == [1, 2]
    assert [trial["number"] for trial in result["trials"]["words"]] == [0]
    assert all(not job["test"] for _, _, job in jobs)


def test_the_page_is_what_the_result_files_give():
    page = render_methods.PAGE.read_text("utf-8")
    assert page == render_methods.render(render_methods.load())


def _row(ndcg, validation, share, template="{soft:8} {history:items}"):
    value = {"mean": ndcg, "low": None, "high": None}
    return {
        "measures": {"ndcg@10": value, "hr@10": value},
        "validation_ndcg@10": validation,
        "template": template,
        "parameters": {"share_without_id_table": share},
    }


def test_the_verdict_compares_what_validation_chose():
    summary = {
        "words": _row(0.9, 0.9, 0.001, "{history:items}"),
        "soft 8": _row(0.09, 0.11, 0.01),
        "soft 32": _row(0.2, 0.10, 0.01),  # better on test, which must choose nothing
        "soft 8 + LoRA": _row(0.3, 0.3, 0.03),  # trains too much
        "full, one layer": _row(0.10, 0.12, 0.08, "{history:items}"),
        "full, six layers": _row(0.5, 0.11, 0.5, "{history:items}"),
    }
    (line,) = render_methods.verdict(summary)
    assert "“soft 8”" in line
    assert "“full, one layer”" in line
    assert line.endswith(
        "0.0900; “full, one layer”, the best full row on validation, 0.1000: -10.0%."
    )


def test_a_subset_keeps_the_order_of_each_user(monkeypatch):
    import method_rows

    from tests import toy

    whole = toy.dataset()
    monkeypatch.setattr(tp.data, "load", lambda name: whole)
    part = method_rows.load_data("toy", 3)
    assert len(part.user_ids) == 3
    assert set(part.items.ids) == set(part.interactions["item_id"].unique())
    for user in part.user_ids:
        expected = whole.interactions.filter(whole.interactions["user_id"] == user)["item_id"]
        found = part.interactions.filter(part.interactions["user_id"] == user)["item_id"]
        assert found.to_list() == expected.to_list()
    assert method_rows.load_data("toy", 3).fingerprint == part.fingerprint


def test_what_starts_elsewhere_takes_over_what_its_recipe_names(monkeypatch):
    import prompted

    from tests import toy

    monkeypatch.setattr(tp.data, "load", lambda name: toy.dataset())
    monkeypatch.setattr(
        "tfprompt.encoders.load_backbone", lambda preset, random_weights_seed=None: toy.backbone()
    )
    recipe = method_recipes.recipe("movielens-100k", "soft 8 from elsewhere", 1, 0)
    assert recipe["source"] == {"parts": ["soft"], "data": "movietweetings-100k"}
    recipe["encoder"]["prompt_layer"] = 1
    split = toy.dataset().leave_one_out()
    fresh, started = prompted.build(recipe, split, 0), prompted.build(recipe, split, 0)

    def moved(recipe, split, seed, verbose):
        assert "source" not in recipe
        return toy.moved(prompted.build(recipe, split, seed)), {}

    monkeypatch.setattr(prompted, "train", moved)
    prompted.start_elsewhere(started, recipe, 0)
    for name, value in trained_variables(started).items():
        same = np.array_equal(value, trained_variables(fresh)[name])
        assert same == ("soft_0" not in name), name


def test_a_run_at_toy_size_gives_what_the_table_shows(monkeypatch):
    import method_rows

    from tests import toy

    whole = toy.dataset()
    monkeypatch.setattr(tp.data, "load", lambda name: whole)
    monkeypatch.setattr(
        "tfprompt.encoders.load_backbone", lambda preset, random_weights_seed=None: toy.backbone()
    )
    recipe = method_recipes.recipe("movielens-100k", "soft 8 + LayerNorm", 1, 0)
    recipe["encoder"]["prompt_layer"] = 1
    job = {"data": "toy", "users": None, "row": "x", "recipe": recipe, "seed": 0, "number": 0}
    trial = method_rows.run(**job, test=False)
    assert np.isfinite(trial["validation_ndcg@10"])
    assert "test" not in trial
    found = method_rows.run(**job, test=True)
    # Eight vectors, and gain and shift of two norms in each of two layers.
    assert found["parameters"]["method"] == 8 * toy.WIDTH + 2 * 2 * 2 * toy.WIDTH
    assert found["parameters"]["method"] < found["parameters"]["trained"]
    assert found["checkpoint_bytes"] > 4 * found["parameters"]["trained"]
    assert found["test"]["n_requests"] == len(whole.leave_one_out().test)
