"""Training into a directory: the same twice, the same in two parts, and what is refused."""

from __future__ import annotations

import csv
import fcntl
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tfprompt.errors import CheckpointError, ConfigError, DataError, TemplateError
from tfprompt.runs import Run, RunConfig, train


def _figures(run: Run | Path) -> list[dict[str, str]]:
    """The log but for the clock."""
    directory = run.directory if isinstance(run, Run) else run
    with open(directory / "log.csv", newline="") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    for row in rows:
        del row["seconds"]
    return rows


def _tensors(run: Path, which: str) -> dict[str, np.ndarray]:
    return load_file(run / "checkpoint" / which / "prompts.safetensors")


def test_a_finished_run_has_every_file(trained: Path) -> None:
    names = {path.name for path in trained.iterdir() if not path.name.startswith(".")}
    assert {"config.json", "log.csv", "log.txt", "curves.png", "checkpoint"} <= names
    assert (trained / "curves.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((trained / "config.json").read_text())
    assert record["config"]["epochs"] == 4
    assert len(record["data"]["fingerprint"]) == len(record["backbone"]["fingerprint"]) == 64
    assert record["versions"]["tensorflow"]
    rows = _figures(trained)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    # The cosine ends at 2 % of the peak rate.
    assert float(rows[-1]["learning_rate"]) == pytest.approx(
        0.02 * record["config"]["learning_rate"], rel=1e-4
    )


def test_best_is_the_epoch_with_the_highest_ndcg(trained: Path) -> None:
    rows = _figures(trained)
    best = max(rows, key=lambda row: (float(row["val_ndcg_at_10"]), -int(row["epoch"])))
    run = Run(trained)
    assert run.standing.best_epoch == int(best["epoch"]) == run.description()["epochs"]
    model = run.model()
    model.compile()
    evaluated = model.evaluate(run.split.validation, return_dict=True, verbose=0)
    assert evaluated["ndcg_at_10"] == pytest.approx(float(best["val_ndcg_at_10"]), abs=1e-6)


def test_in_two_parts_equals_in_one(
    trained: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    config = RunConfig(**settings)
    first = train(config, tmp_path / "run", stop_after=2)
    assert not first.finished
    # Two runs of one seed are equal.
    assert _figures(first) == _figures(trained)[:2]
    second = train(config, tmp_path / "run")
    assert second.finished
    # Rounding alone differs (1e-7): texts run below the seam in batches, and which ones share a
    # batch depends on which epoch saw them first. Another dropout mask moves the loss by 1e-2.
    for received, expected in zip(_figures(second), _figures(trained), strict=True):
        for name, value in expected.items():
            assert float(received[name]) == pytest.approx(float(value), abs=1e-5), name
    for which in ("best", "last"):
        tensors = _tensors(tmp_path / "run", which)
        for name, value in _tensors(trained, which).items():
            np.testing.assert_allclose(tensors[name], value, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_another_seed_is_another_run(
    trained: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    other = train(RunConfig(**settings, seed=1), tmp_path / "other", stop_after=1)
    assert _figures(other) != _figures(trained)[:1]


def test_a_finished_run_is_left_alone(trained: Path, settings: dict[str, Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*.safetensors")}
    assert train(RunConfig(**settings), trained).finished
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_configuration_is_refused_with_the_keys(
    trained: Path, settings: dict[str, Any]
) -> None:
    other = RunConfig(**{**settings, "learning_rate": 0.02, "seed": 5})
    with pytest.raises(CheckpointError, match=r"learning_rate \(0.01 there, 0.02 now\), seed"):
        train(other, trained)


def test_the_device_does_not_make_another_run(trained: Path, settings: dict[str, Any]) -> None:
    assert train(RunConfig(**{**settings, "strategy": "auto"}), trained).finished


def test_a_directory_with_something_else_is_refused(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(CheckpointError, match="needs an empty directory.*thesis.tex"):
        train(RunConfig(**settings), tmp_path)
    with pytest.raises(CheckpointError, match="a file"):
        train(RunConfig(**settings), tmp_path / "thesis.tex")


def test_a_directory_in_use_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with open(tmp_path / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("4711")
        file.flush()
        with pytest.raises(CheckpointError, match="in use by process 4711"):
            train(RunConfig(**settings), tmp_path)


def test_changed_data_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    table = tmp_path / "events.csv"
    table.write_text(Path(settings["interactions"]).read_text())
    config = RunConfig(**{**settings, "interactions": str(table)})
    train(config, tmp_path / "run", stop_after=1)
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(CheckpointError, match="goes on with the data it began with"):
        train(config, tmp_path / "run")
    with pytest.raises(CheckpointError, match="goes on with the data it began with"):
        Run(tmp_path / "run").model()


def test_patience_ends_a_run(settings: dict[str, Any], tmp_path: Path) -> None:
    # A rate so small that nothing moves: no epoch is better than the first.
    still = {**settings, "learning_rate": 1e-12, "patience": 1, "schedule": "constant"}
    run = train(RunConfig(**still, warmup_epochs=0.0, weight_decay=0.0), tmp_path / "run")
    assert run.finished and run.standing.best_epoch == 1
    assert len(run.rows) == 2
    assert run.rows[0]["learning_rate"] == pytest.approx(1e-12, rel=1e-5)


def test_a_loss_that_explodes_is_named(settings: dict[str, Any], tmp_path: Path) -> None:
    wild = {**settings, "learning_rate": 1e38, "warmup_epochs": 0.0, "clipnorm": None}
    with pytest.raises(ConfigError, match=r"must stay finite.*epoch 1.*Lower learning_rate"):
        train(RunConfig(**wild), tmp_path / "run")
    assert "stopped in epoch 1" in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"template": "{soft:2} {agee} {history:items}"}, TemplateError, "no column 'agee'"),
        ({"prompt_layer": 7}, ConfigError, r"prompt_layer must be one of 0"),
        ({"encoder_options": {"attenton": "full"}}, ConfigError, "encoder_options takes: .*atten"),
        ({"model_options": {"nothing": 1}}, ConfigError, "model_options takes"),
        ({"split_options": {"fraction": 1}}, ConfigError, "split_options takes: min_events"),
        ({"interactions": "/nowhere.csv"}, DataError, "nowhere.csv"),
    ],
)
def test_what_cannot_work_is_refused_before_training(
    settings: dict[str, Any],
    tmp_path: Path,
    change: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        train(RunConfig(**{**settings, **change}), tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_report_is_written(trained: Path) -> None:
    run = Run(trained)
    report = run.evaluate("validation", baselines=False, bootstrap=0, progress=False)
    written = json.loads((trained / "report-validation.json").read_text())
    assert written["ndcg@10"] == report["ndcg@10"]
    assert written["ndcg@10"] == pytest.approx(run.standing.best, abs=1e-6)
    assert written["trainable_parameters"] < written["total_parameters"]
    with pytest.raises(ConfigError, match="'test' or 'validation'"):
        run.evaluate("train")  # type: ignore[arg-type]


def test_tensorboard_logs(settings: dict[str, Any], tmp_path: Path) -> None:
    config = RunConfig(**settings, tensorboard=True)
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(ConfigError, match="package tensorboard.*pip install tensorboard"):
            train(config, tmp_path / "run")
        return
    train(config, tmp_path / "run", stop_after=1)
    assert list((tmp_path / "run" / "tensorboard").rglob("events.out.tfevents.*"))
