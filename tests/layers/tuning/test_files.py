"""A tuned model saved, loaded and exported is the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfprompt as tp
from tests.artifacts.device import ask
from tests.models.test_prompt_files import SPLIT
from tests.toy import backbone, batches, dataset, retriever, trained_values
from tfprompt.errors import CheckpointError, ExportError
from tfprompt.layers.tuning import AdaLora
from tfprompt.layers.tuning.choosing import METHODS
from tfprompt.models import retriever_config
from tfprompt.models.loading import load
from tfprompt.models.retriever import Retriever

ITEMS = dataset().items
# Every method, in the combinations in which they do not train the same weights: two for a server,
# and one for a device, since an export takes seconds.
TOGETHER = ("lora:2,adalora:2,ia3,layer_norm,adapter:2", "full,lora:2")
ON_A_DEVICE = "lora:2,adalora:2,ia3,bitfit,adapter:2"


def moved(tuning: Any, **options: Any) -> Retriever:
    """A model whose trained tensors are all away from their start."""
    model = retriever(encoder={"tuning": tuning}, **options)
    model.prepare()
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        noise = rng.normal(size=variable.shape).astype("float32")
        variable.assign(variable.value + 0.1 * noise)
    return model


def answer(model: Retriever) -> np.ndarray:
    model.prepare()
    inputs = batches(model)[0][0]
    return np.asarray(model(inputs, every_position=True))


@pytest.mark.parametrize("tuning", [*METHODS, *TOGETHER, ON_A_DEVICE])
def test_loaded_is_saved(tuning: str, tmp_path: Path, own_home: Path) -> None:
    model = moved(tuning)
    model.save_prompts(tmp_path / "prompts")
    loaded = load(tmp_path / "prompts", ITEMS, backbone=backbone("bert"))
    assert loaded.encoder.options() == model.encoder.options()
    np.testing.assert_array_equal(answer(loaded), answer(model))


def test_prompts_of_another_tuning_are_refused(tmp_path: Path, own_home: Path) -> None:
    moved("lora:2").save_prompts(tmp_path / "prompts")
    other = retriever(encoder={"tuning": "lora:3"})
    with pytest.raises(CheckpointError, match="tuning/lora/layer_1_query_a"):
        other.load_prompts(tmp_path / "prompts")


def test_a_keras_file_is_the_model(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = moved(TOGETHER[0])
    # Stands in for the packaged backbone, the only kind that a file may name.
    monkeypatch.setattr(retriever_config, "packaged_names", lambda: [backbone("bert").preset])
    monkeypatch.setattr(retriever_config, "load_backbone", lambda name: backbone("bert"))
    model.save(tmp_path / "model.keras")
    loaded: Any = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.encoder.options() == model.encoder.options()
    np.testing.assert_array_equal(answer(loaded), answer(model))


def test_pruning_goes_on_where_it_was(tmp_path: Path, own_home: Path) -> None:
    def made() -> tuple[Retriever, AdaLora]:
        tuning = AdaLora(1, 3, warmup=0.0, cooldown=0.2, prune_every=1)
        model = retriever(encoder={"tuning": tuning})
        model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
        return model, tuning

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    straight, expected = made()
    straight.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0)
    stopped, _ = made()
    stopped.fit(SPLIT.train, epochs=2, batch_size=3, verbose=0, callbacks=[Stop()])
    stopped.save_prompts(tmp_path / "prompts", optimizer=True)
    resumed, tuning = made()
    resumed.load_prompts(tmp_path / "prompts")
    resumed.fit(SPLIT.train, epochs=2, initial_epoch=1, batch_size=3, verbose=0)
    assert tuning.ranks == expected.ranks and sum(tuning.ranks.values()) == 4
    for name, value in trained_values(straight).items():
        np.testing.assert_allclose(trained_values(resumed)[name], value, atol=1e-6, err_msg=name)


@pytest.fixture(scope="module", params=TOGETHER)
def exported(
    request: Any, own_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Retriever, Path]:
    model = moved(request.param)
    return model, model.export(tmp_path_factory.mktemp("models") / "toy" / "1", k=5, check=False)


def test_an_artifact_answers_as_the_model(exported: tuple[Retriever, Path]) -> None:
    model, path = exported
    served = tf.saved_model.load(str(path)).signatures["recommend"]
    given: dict[str, Any] = {"history": [["i3", "i0"]], "age": ["24"], "occupation": ["artist"]}
    types = served.structured_input_signature[1]
    silent = {"k": [0], "exclude": [[""]], "wish": [""], "prompt": [""]}
    inputs = {name: tf.constant({**silent, **given}[name], types[name].dtype) for name in types}
    answered = served(**inputs)
    profile = {"age": 24, "occupation": "artist"}
    expected = tp.recommend(model, history=["i3", "i0"], profile=profile, k=5)
    ids = [each.decode() for each in answered["item_ids"].numpy()[0]]
    assert ids == [item.item_id for item in expected]
    scores = [item.score for item in expected]
    np.testing.assert_allclose(answered["scores"][0], scores, atol=1e-4)


def test_prompts_of_one_artifact_share_the_tuning(own_home: Path, tmp_path: Path) -> None:
    model, other = moved("lora:2"), moved("lora:2")
    factors = other.encoder.tuning.trainable_variables
    factors[0].assign(factors[0].value + 1)
    other.save_prompts(tmp_path / "other")
    with pytest.raises(ExportError, match="differs in prompted_encoder/tuning/lora"):
        model.export(tmp_path / "toy" / "1", prompts={"other": tmp_path / "other"})


def test_a_device_answers_as_the_model(own_home: Path, tmp_path: Path) -> None:
    model = moved(ON_A_DEVICE)
    path = model.export(tmp_path / "toy.tflite", format="litert", k=5, check=False)
    profile = {"age": 24, "occupation": "artist"}
    (answered,) = ask(path, [{"history": ["i3", "i0"], "values": profile, "k": 5}])
    expected = tp.recommend(model, history=["i3", "i0"], profile=profile, k=5)
    assert [item for item, _ in answered] == [item.item_id for item in expected]
    scores = [score for _, score in answered]
    np.testing.assert_allclose(scores, [item.score for item in expected], atol=1e-4)
