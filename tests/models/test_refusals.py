"""Combinations that would train, but not what was meant."""

from __future__ import annotations

import keras
import pytest

from tests import toy
from tfprompt.errors import CheckpointError, ConfigError


def test_deep_prompts_need_a_layer_above_the_seam() -> None:
    with pytest.raises(ConfigError, match="must leave one"):
        toy.encoder(deep=True, prompt_layer=toy.LAYERS - 1)
    made = toy.encoder(deep=True, prompt_layer=None)
    assert made.prompt_layer == toy.LAYERS - 2 and len(made.deep_prompts) == 1


def test_deep_prompts_need_a_soft_one_in_the_template() -> None:
    with pytest.raises(ConfigError, match=r"deep=True with '\{age\} .*Write \{soft:8\}"):
        toy.encoder("{age} watched {history:items}", deep=True)
    assert toy.encoder("{soft:0} {age}", deep=True).deep_prompts == []


def test_a_content_weight_needs_a_history() -> None:
    with pytest.raises(ConfigError, match="history:items"):
        toy.retriever("{soft:2} user {age}", content_weight=1.0)


def test_metrics_and_losses_are_not_compiled_in() -> None:
    model = toy.retriever()
    for given in ({"metrics": ["accuracy"]}, {"loss": "mse"}):
        with pytest.raises(ConfigError):
            model.compile(**given)


def test_only_float32_is_trained() -> None:
    model = toy.retriever()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(ConfigError, match="'mixed_float16'"):
            model.compile()
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_keras_file_names_packaged_backbones_alone(tmp_path, own_home) -> None:
    model = toy.retriever()
    model.compile()
    model.save(tmp_path / "model.keras")
    with pytest.raises(CheckpointError, match="packaged"):
        keras.models.load_model(tmp_path / "model.keras")
