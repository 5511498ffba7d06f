"""The commands do what they say, for a person and for a program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import cli
from tests.runs.toy import ITEMS, USERS, command_line


def test_fit_goes_on_and_stays_finished(
    settings: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    run = tmp_path / "run"
    words = [*command_line({**settings, "epochs": 2}), "--json"]
    first = cli(capsys, "fit", "--output", run, *words, "--stop-after", 1)
    assert first.status == 0, first.err
    assert json.loads(first.out)["finished"] is False
    assert "epoch 1/2" in first.err and "Warning" not in first.err
    again = cli(capsys, "fit", "--resume", run)
    assert again.status == 0 and "resumed after epoch 1" in again.err
    assert f"next: tfprompt evaluate {run}" in again.out
    done = json.loads(cli(capsys, "fit", "--output", run, *words).out)
    assert done["finished"] and done["epochs"] == 2
    assert "finished already" in cli(capsys, "fit", "--resume", run).err
    other = cli(capsys, "fit", "--output", run, *words, "--seed", 3)
    assert other.status == 2 and "seed (0 there, 3 now)" in other.err


def test_settings_from_file_option_and_set(
    settings: dict[str, Any], tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('split = "ratio"\nsplit_options = {test = 0.2}\n[read_options]\n')
    words = ["data", "describe", "--interactions", settings["interactions"], "--json"]
    found = json.loads(cli(capsys, *words, "--config", file).out)
    assert found["split"]["name"].startswith("ratio(validation=0.1, test=0.2")
    found = json.loads(cli(capsys, *words, "--config", file, "--split", "cold-users", "--set",
                           "split_options={\"fraction\": 0.2}").out)  # fmt: skip
    assert found["split"]["name"] == "cold_users(fraction=0.2, seed=0)"


def test_evaluate(trained: Path, capsys: Any) -> None:
    done = cli(capsys, "evaluate", trained, "--json", "--bootstrap", 50)
    assert done.status == 0, done.err
    found = json.loads(done.out)
    for key in ("hr@10", "ndcg@10", "recall@10", "mrr", "interval", "baselines", "protocol"):
        assert key in found
    assert (found["n_items"], found["n_users"]) == (ITEMS, USERS)
    assert 0 < found["trainable_parameters"] < found["total_parameters"]
    assert set(found["baselines"]) == {"popularity", "item_knn", "content"}
    assert found == json.loads((trained / "report.json").read_text())
    # Users walk through the catalog by a fixed step: far better than the popular items.
    assert found["ndcg@10"] > 1.5 * found["baselines"]["popularity"]["ndcg@10"]
    shown = cli(capsys, "evaluate", trained, "--no-baselines", "--bootstrap", 0, "--k", "3").out
    assert f"{found['ndcg@10']:.4f}" in shown and "trained parameters" in shown


@pytest.mark.parametrize(
    "words",
    [
        ["--wish", "star wars"],
        ["--user", "u7"],
        ["--history", "i3"],
        ["--wish", "love", "--history", "i3", "--exclude", "i9", "--profile", "age=30"],
    ],
    ids=lambda words: words[0],
)
def test_recommend(trained: Path, words: list[str], capsys: Any) -> None:
    done = cli(capsys, "recommend", trained, *words, "--k", 4, "--json")
    assert done.status == 0, done.err
    items = json.loads(done.out)["items"]
    assert len({item["item_id"] for item in items}) == 4
    assert [item["score"] for item in items] == sorted((i["score"] for i in items), reverse=True)
    left_out = {word for word in words if word in ("i3", "i9")}
    assert not {item["item_id"] for item in items} & left_out


def test_recommend_by_title_equals_by_id(
    trained: Path, settings: dict[str, Any], capsys: Any
) -> None:
    row = Path(settings["items"]).read_text().splitlines()[4]
    item, title, _ = row.split(",")
    by_id = cli(capsys, "recommend", trained, "--history", item, "--json").out
    by_title = cli(capsys, "recommend", trained, "--titles", title.upper(), "--json").out
    assert by_id == by_title
    table = cli(capsys, "recommend", trained, "--titles", title, "--k", 2).out
    assert json.loads(by_id)["items"][0]["title"] in table


def test_export(trained: Path, tmp_path: Path, capsys: Any) -> None:
    done = cli(
        capsys, "export", trained, tmp_path / "model" / "1", "--k", 5, "--no-check", "--json"
    )
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert "serving_default" in found["signatures"]
    assert found["size_bytes"] > 10_000
    assert (tmp_path / "model" / "1" / "saved_model.pb").exists()
    again = cli(capsys, "export", trained, tmp_path / "model" / "1")
    assert again.status == 2 and again.err.count("\n") == 1


@pytest.mark.slow
def test_export_to_a_base_directory_and_to_a_device(
    trained: Path, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "films" / "4").mkdir(parents=True)
    done = cli(capsys, "export", trained, tmp_path / "films", "--json")  # checked
    assert json.loads(done.out)["directory"] == str(tmp_path / "films" / "5"), done.err
    wrong = cli(capsys, "export", trained, tmp_path / "films", "--quantize", "fp16")
    assert wrong.status == 2 and ".tflite" in wrong.err
    assert cli(capsys, "export", "--titles").status == 2
    device = cli(
        capsys, "export", trained, tmp_path / "films.tflite", "--quantize", "dynamic", "--no-check",
        "--k", 3, "--json",
    )  # fmt: skip
    assert device.status == 0, device.err
    assert json.loads(device.out)["size_bytes"]["films.tflite"] > 1000


def test_inspect(trained: Path, settings: dict[str, Any], capsys: Any) -> None:
    found = json.loads(cli(capsys, "inspect", trained, "--words", 2, "--json").out)
    assert found["template"] == settings["template"]
    assert found["tensors"]["prompted_encoder/soft_0/prompt"] == [2, 16]
    near = found["words"]["prompted_encoder/soft_0/prompt"]
    assert [len(words) for words in near] == [2, 2]
    assert [row["trained"] for row in found["segments"]] == [
        True, False, False, False, False, True,
    ]  # fmt: skip
    shown = cli(capsys, "inspect", trained).out
    assert "text of occupation" in shown and "temperature: 0.1" in shown


def test_data(settings: dict[str, Any], capsys: Any) -> None:
    assert "movielens-100k" in cli(capsys, "data", "list").out.split()
    assert "movielens-100k" in json.loads(cli(capsys, "data", "list", "--json").out)
    words = ["--interactions", settings["interactions"], "--items", settings["items"],
             "--users", settings["users"], "--item-text", "{title} ({year})"]  # fmt: skip
    found = json.loads(cli(capsys, "data", "describe", *words, "--json").out)
    assert (found["users"], found["items"]) == (USERS, ITEMS)
    assert found["split"]["test_requests"] == USERS
    shown = cli(capsys, "data", "describe", *words).out
    assert "duplicate events" in shown and "occupation" in shown and "(1980)" in shown
