"""The standard Keras callbacks in a user's own script, without a run directory."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tfprompt as tp
from tfprompt.runs import RunConfig
from tfprompt.runs.building import build_model
from tfprompt.runs.sources import load_data


@pytest.fixture(scope="module")
def script(settings: dict[str, Any]) -> tuple[Any, Any]:
    """A split, and a model that tests train further and further."""
    config = RunConfig(**settings).resolved()
    data = load_data(config)
    model = build_model(config, data.items)
    model.compile(optimizer=keras.optimizers.AdamW(0.01))
    return data.leave_one_out(), model


def _fit(script: tuple[Any, Any], *callbacks: Any, epochs: int = 1) -> Any:
    split, model = script
    return model.fit(
        split.train, validation_data=split.validation, epochs=epochs, batch_size=64, verbose=0,
        callbacks=list(callbacks),
    )  # fmt: skip


def test_csv_logger_and_learning_rate_scheduler(script: tuple[Any, Any], tmp_path: Path) -> None:
    logger = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1))
    history = _fit(script, logger, scheduler, epochs=2)
    assert history.history["learning_rate"] == pytest.approx([0.01, 0.005])
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["val_ndcg_at_10"]) == pytest.approx(history.history["val_ndcg_at_10"][1])


def test_early_stopping_restores_the_best_weights(script: tuple[Any, Any]) -> None:
    split, model = script
    rates = [0.01, 10.0, 10.0]
    history = _fit(
        script,
        keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch]),
        keras.callbacks.EarlyStopping(
            "val_ndcg_at_10", mode="max", patience=1, restore_best_weights=True
        ),
        epochs=3,
    )
    values = history.history["val_ndcg_at_10"]
    now = model.evaluate(split.validation, return_dict=True, verbose=0)["ndcg_at_10"]
    assert now == pytest.approx(max(values), abs=1e-6)


def test_model_checkpoint_of_weights(script: tuple[Any, Any], tmp_path: Path) -> None:
    split, model = script
    path = tmp_path / "best.weights.h5"
    _fit(
        script,
        keras.callbacks.ModelCheckpoint(
            str(path), monitor="val_ndcg_at_10", mode="max", save_best_only=True,
            save_weights_only=True,
        ),
    )  # fmt: skip
    before = model.predict(split.validation)
    prompt = model.encoder.soft_prompts[0].prompt
    kept = np.asarray(prompt.value)
    prompt.assign(kept + 1)
    model.load_weights(path)
    np.testing.assert_array_equal(np.asarray(prompt.value), kept)
    np.testing.assert_allclose(model.predict(split.validation), before, atol=1e-6)


def test_tensorboard(script: tuple[Any, Any], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="Keras' TensorBoard callback needs tensorboard")
    _fit(script, keras.callbacks.TensorBoard(str(tmp_path), write_graph=False))
    assert {path.parent.name for path in tmp_path.rglob("events.*")} == {"train", "validation"}


def test_a_second_model_of_a_process_reads_the_first_ones_prompts(
    script: tuple[Any, Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    split, model = script
    model.save_prompts(tmp_path / "prompts")
    loaded = tp.load(tmp_path / "prompts", split.train.catalog)
    np.testing.assert_allclose(
        loaded.predict(split.validation), model.predict(split.validation), atol=1e-6
    )
