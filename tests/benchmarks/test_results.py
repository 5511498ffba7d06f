import copy

import pytest
import recipes
import render
import results

from tfprompt.prompts.template import Template

_REPORT = {
    "name": "retriever", "n_items": 10, "n_users": 4, "n_requests": 4, "protocol": "all items",
    "k": [10], "fingerprint": "same", "mrr": 0.1, "recall@10": 0.2, "hr@10": 0.2, "ndcg@10": 0.1,
    "interval": {m: [0.0, 0.4] for m in ("hr@10", "ndcg@10", "recall@10", "mrr")},
}  # fmt: skip


def _run(row="text", seed=0, hr=0.2, recipe=None, **more):
    return {
        "row": row, "seed": seed, "recipe": recipe or {"epochs": 1}, "date": "2026-01-02T03",
        "validation": {"ndcg@10": hr / 2}, "test": {**_REPORT, "hr@10": hr}, "command": "python x",
        "machine": {"cpu": "c", "cores": 2, "system": "s", "ONEDNN_DEFAULT_FPMATH_MODE": "unset"},
        "versions": {"numpy": "2"}, **more,
    }  # fmt: skip


def _header(name="toy"):
    part = {"requests": 4, "protocol": "all items"}
    return {
        "format": 1, "benchmark": "quality", "command": "python x",
        "data": {"name": name, "fingerprint": "d" * 64, "users": 4, "items": 10, "events": 40},
        "split": {"name": "leave-one-out", "fingerprint": "s" * 64, "test": part},
    }  # fmt: skip


def test_the_page_is_what_the_result_files_give():
    assert render.PAGE.read_text("utf-8") == render.render(render.load())


def test_three_seeds_give_mean_deviation_and_a_t_interval(tmp_path):
    result = results.start(tmp_path / "x.json", _header())
    for seed, hr in enumerate((0.1, 0.2, 0.3)):
        results.add(tmp_path / "x.json", result, _run(seed=seed, hr=hr))
    summary = result["summary"]["text"]["measures"]["hr@10"]
    assert summary["mean"] == pytest.approx(0.2)
    assert summary["sd"] == pytest.approx(0.1)
    assert summary["high"] == pytest.approx(0.2 + 4.3027 * 0.1 / 3**0.5)
    page = render.render([result])
    assert "| text | – | 0.2000 ± 0.2484 (sd 0.1000) |" in page


def test_a_finished_run_is_known_until_its_recipe_changes(tmp_path):
    path = tmp_path / "x.json"
    results.add(path, results.start(path, _header()), _run())
    again = results.start(path, _header())
    assert results.finished(again, "text", 0, {"epochs": 1})
    assert not results.finished(again, "text", 1, {"epochs": 1})
    assert not results.finished(again, "text", 0, {"epochs": 2})


def test_what_a_benchmark_keeps_beside_its_runs_is_there_when_it_goes_on(tmp_path):
    path = tmp_path / "x.json"
    result = results.start(path, _header())
    result["trials"] = {"text": [{"number": 1}]}
    results.add(path, result, _run())
    again = results.start(path, {**_header(), "command": "python y"})
    assert again["trials"] == {"text": [{"number": 1}]}
    assert len(again["runs"]) == 1
    assert again["command"] == "python y"


def test_a_summary_never_mixes_recipes(tmp_path):
    result = results.start(tmp_path / "x.json", _header())
    results.add(tmp_path / "x.json", result, _run(seed=0, hr=0.1))
    results.add(tmp_path / "x.json", result, _run(seed=1, hr=0.3, recipe={"epochs": 2}))
    assert result["summary"]["text"]["seeds"] == [1]


def test_a_file_about_other_data_is_refused(tmp_path):
    path = tmp_path / "x.json"
    results.add(path, results.start(path, _header()), _run())
    with pytest.raises(SystemExit, match="other data"):
        results.start(path, _header("another"))


def test_the_best_content_is_chosen_on_validation(tmp_path):
    result = results.start(tmp_path / "x.json", _header())
    for row, hr in (("content-raw", 0.2), ("content-whitened", 0.1)):
        run = copy.deepcopy(_run(row=row, hr=hr))
        run["test"]["ndcg@10"] = 1 - hr  # the test part says the opposite
        results.add(tmp_path / "x.json", result, run)
    assert results.best_content(result) == "content-raw"


@pytest.mark.parametrize("row", recipes.ROWS)
def test_every_recipe_is_whole(row):
    recipe = recipes.recipe("movielens-100k", "leave-one-out", row, epochs=7)
    assert recipe["epochs"] == 7
    if recipe["kind"] == "prompted":
        assert Template.parse(recipe["template"]).has_history


def test_an_override_reaches_its_split_alone():
    def drop(split):
        return recipes.recipe("amazon-toys", split, "collaborative")["model"].get("id_dropout")

    assert (drop("cold-items"), drop("leave-one-out")) == (0.5, None)


@pytest.mark.parametrize(
    ("checkpoint_bytes", "share", "note"),
    [(687_000, 0.0075, True), (1_279_000, 0.0075, False), (687_000, None, False)],
)
def test_pages_say_what_older_checkpoints_lack_where_there_are_some(checkpoint_bytes, share, note):
    # Without a share of a backbone it is a SASRec's, which has no items to whiten.
    shares = {} if share is None else {"share": share, "share_without_id_table": share}
    parameters = {"trained": 171_265, "id_table": 0, **shares}
    result = _header()
    result["runs"] = [_run(
        parameters=parameters, checkpoint_bytes=checkpoint_bytes, seconds=1.0, epoch_seconds=1.0,
        epochs=1, best_epoch=1, peak_memory_bytes=1,
    )]  # fmt: skip
    result["summary"] = {"text": results._summary(result["runs"])}
    assert ("which older runs lack" in render.quality(result)) == note
