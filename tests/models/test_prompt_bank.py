"""Named prompts on disk: kept from a bank, served from an artifact, refused where they differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfprompt as tp
from tests import toy
from tfprompt.errors import CheckpointError, ConfigError, ExportError

TEMPLATE = "{soft:2} watched {soft:1} {history:items}"


def test_what_a_bank_keeps_is_loaded_and_served(tmp_path: Path) -> None:
    model = toy.moved(toy.retriever(TEMPLATE, encoder={"deep": True}))
    layers = [*model.encoder.soft_prompts, *model.encoder.deep_prompts]
    model.prompts.keep("may")
    expected = model.predict(toy.dataset().leave_one_out().test)
    for layer in layers:
        layer.assign(-np.asarray(layer.prompt))
    now = model.predict(toy.dataset().leave_one_out().test)
    kept = model.prompts.save("may", tmp_path / "may", metrics={"ndcg@10": 0.5})
    own = model.prompts.save("default", tmp_path / "own")
    for path, answer in ((kept, expected), (own, now)):
        loaded = tp.load(path, model.catalog, backbone=model.encoder.loaded)
        received = loaded.predict(toy.dataset().leave_one_out().test)
        np.testing.assert_allclose(received, answer, atol=1e-6)
    assert np.abs(expected - now).max() > 1e-3
    with pytest.raises(ConfigError, match="default, may"):
        model.prompts.save("june", tmp_path / "june")

    model.export(tmp_path / "toy" / "1", k=5, prompts={"may": kept}, check=False)
    served = tf.saved_model.load(str(tmp_path / "toy" / "1")).signatures["recommend"]
    shared = {"k": tf.constant([0]), "exclude": tf.constant([[""]]), "wish": tf.constant([""])}
    history = tf.constant([["", "i3", "i0"]])
    loaded = tp.load(kept, model.catalog, backbone=model.encoder.loaded)
    for name, asked in (("may", loaded), ("default", model)):
        answer = served(history=history, prompt=tf.constant([name]), **shared)
        wanted = tp.recommend(asked, history=["i3", "i0"], k=5)
        found = [each.decode() for each in answer["item_ids"].numpy()[0]]
        assert found == [item.item_id for item in wanted]


@pytest.mark.parametrize(
    ("template", "options", "says"),
    [
        ("{soft:2} hated {soft:1} {history:items}", {}, "with template"),
        ("{soft:2} watched {soft:2} {history:items}", {}, "with template"),
        (TEMPLATE, {"prompt_layer": 2}, "with prompt_layer 2 for 1"),
        (TEMPLATE, {"attention": "full"}, "with attention 'full' for 'causal'"),
    ],
)
def test_a_prompt_that_is_read_otherwise_is_refused(
    template: str, options: dict[str, object], says: str, tmp_path: Path
) -> None:
    model = toy.moved(toy.retriever(TEMPLATE))
    other = toy.retriever(template, encoder=options)
    other.start_from(model)
    other.save_prompts(tmp_path / "other")
    with pytest.raises(CheckpointError, match=says):
        model.prompts.add("other", tmp_path / "other")
    with pytest.raises(ExportError, match=says):
        model.export(tmp_path / "toy" / "1", prompts={"other": tmp_path / "other"})
    assert model.prompts.names == ("default",)


def test_where_a_prompt_started_does_not_matter(tmp_path: Path) -> None:
    model = toy.moved(toy.retriever("{soft:2} watched {history:items}"))
    other = toy.retriever('{soft:2 "toy story"}  watched {history:items}')
    other.start_from(model)
    other.save_prompts(tmp_path / "other")
    model.prompts.add("other", tmp_path / "other")
    assert model.prompts.names == ("default", "other")
