"""Prompts beside words and beside each other, with vectors whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.shop import RANKER, shop
from tests.toy import backbone, encoder, retriever
from tfprompt.encoders.seam import Seam
from tfprompt.errors import CheckpointError, ConfigError
from tfprompt.explain import nearest_words, prompt_similarity
from tfprompt.models.multi_task import MultiTask
from tfprompt.models.ranker import Ranker
from tfprompt.models.recommender import Recommender
from tfprompt.models.retriever import Retriever

SOFT = "prompted_encoder/soft_0/prompt"


def state(word: str, layer: int) -> np.ndarray:
    """A word's state, as a text of its own, at the input of a layer."""
    loaded = backbone()
    read = loaded.tokenizer([word])  # [CLS] word [SEP]
    states = Seam(loaded.backbone, layer).lower_states(read["token_ids"], read["padding_mask"])
    return np.asarray(states)[0, 1]


def test_a_prompt_that_starts_from_words_is_near_to_them() -> None:
    model = retriever('{soft:1 "film"} {soft:2 "war"} saw {history:items}')
    found = nearest_words(model, k=2)
    assert found.layers == dict.fromkeys((SOFT, "prompted_encoder/soft_1/prompt"), 1)
    for name, word, count in ((SOFT, "film", 1), ("prompted_encoder/soft_1/prompt", "war", 2)):
        near = found.words[name]
        assert [len(each) for each in near] == [2] * count
        assert near[0][0][1] == pytest.approx(1, abs=1e-5)
        for (first, cosine), (_, second) in near:  # a word repeated starts beside the word
            assert first == word and cosine > 0.99 > second
    assert "film 1.00" in found.to_text()


def test_the_members_of_an_ensemble_stand_one_after_the_other() -> None:
    model = retriever('{soft:1 "film"} saw {history:items}', encoder={"ensemble": 2})
    members = model.encoder.soft_prompts[0]
    members.prompt.assign(np.stack([state("film", 1)[None], state("war", 1)[None]]))
    near = nearest_words(model, k=1).words[SOFT]
    assert [word for ((word, _),) in near] == ["film", "war"]


def test_a_deep_prompt_is_compared_at_its_own_layer() -> None:
    model = retriever("{soft:1} saw {history:items}", encoder={"deep": True})
    deep = model.encoder.deep_prompts[0]
    deep.prompt.assign(state("king", 2)[None])
    name = f"prompted_encoder/{deep.name}/prompt"
    found = nearest_words(model, k=1)
    assert found.layers == {SOFT: 1, name: 2}
    (word, cosine) = found.words[name][0][0]
    assert word == "king" and cosine == pytest.approx(1, abs=1e-5)
    assert np.abs(state("king", 2) - state("king", 1)).max() > 0.1


def test_of_two_stages_and_of_tasks_all_prompts_are_shown() -> None:
    first = Retriever(encoder("{soft:1} {history:items}"), shop().items)
    second = Ranker(encoder(RANKER), shop().items, "click")
    found = nearest_words(Recommender(first, second), k=1)
    assert set(found.words) == {f"retriever/{SOFT}", f"ranker/{SOFT}"}
    both = prompt_similarity(Recommender(first, second))
    assert both.by_prompt()[0] == ("retriever/soft_0", "ranker/soft_0")
    shared = Retriever(encoder("{soft:1} {age}"), shop().items, share=first)
    tasks = nearest_words(MultiTask({"one": first, "two": shared}), k=1)
    assert set(tasks.words) == {f"one/{SOFT}", f"two/{SOFT}"}


def test_plain_vectors_are_compared_as_they_are() -> None:
    one, other = np.array([[1.0, 0], [0, 2]]), np.array([[1.0, 1.0]])
    found = prompt_similarity({"a": one, "b": other})
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.matrix, [[1, 0, half], [0, 1, half], [half, half, 1]],
                               atol=1e-6)  # fmt: skip
    assert found.labels == ("a 0", "a 1", "b 0")
    names, table = found.by_prompt()
    assert names == ("a", "b")
    # Each of a's vectors is nearest to b's only one; among themselves they are orthogonal.
    np.testing.assert_allclose(table, [[0, half], [half, 1]], atol=1e-6)


def test_what_all_words_share_is_subtracted() -> None:
    from tfprompt.explain._vocabulary import word_states

    model = retriever('{soft:1 "film"} {soft:1 "war"} saw {history:items}')
    common = word_states(backbone(), 1)[1].mean(axis=0)
    film, war = (state(word, 1) - common for word in ("film", "war"))
    expected = film @ war / np.linalg.norm(film) / np.linalg.norm(war)
    assert prompt_similarity(model).matrix[0, 1] == pytest.approx(expected, abs=1e-4)


def test_saved_prompts_are_compared_by_name(tmp_path: Path) -> None:
    template = "{soft:2} saw {history:items}"
    model, other = retriever(template), retriever(template, encoder={"seed": 5})
    other.save_prompts(tmp_path / "other")
    given = {"this": model, "that": tmp_path / "other"}
    found = prompt_similarity(given)
    live = prompt_similarity({"this": model, "that": other})
    np.testing.assert_array_equal(found.matrix, live.matrix)
    assert found.names == ("this soft_0",) * 2 + ("that soft_0",) * 2
    same = prompt_similarity({"a": other, "b": tmp_path / "other"})
    np.testing.assert_allclose(np.diag(same.matrix[:2, 2:]), 1, atol=1e-6)
    assert same.to_dict()["by_prompt"][0][1] == pytest.approx(1, abs=1e-4)
    deep = retriever(template, encoder={"deep": True})
    with pytest.raises(ConfigError, match="none there of 'this'; there are prompts at \\[1, 2\\]"):
        prompt_similarity({"this": model, "deep": deep}, layer=2)
    assert prompt_similarity(deep, layer=2).labels == ("deep_2 0", "deep_2 1")


def test_of_a_long_prompt_alone_the_whole_is_shown() -> None:
    vectors = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    found = prompt_similarity({"long": vectors})
    (value,) = found.by_prompt()[1].ravel()
    assert f"{value:.2f}" in found.to_text()


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="template has none"):
        nearest_words(retriever("saw {history:items}"))
    with pytest.raises(ConfigError, match="1 nearest word or more"):
        nearest_words(retriever(), k=0)
    with pytest.raises(ConfigError, match="Received: str"):
        nearest_words("runs/ml")
    with pytest.raises(ConfigError, match="Received: both"):
        prompt_similarity({"a": np.ones((1, 4)), "b": retriever()})
    with pytest.raises(ConfigError, match=r"\(2, 3\), \(2, 4\)"):
        prompt_similarity({"a": np.ones((2, 3)), "b": np.ones((2, 4))})
    with pytest.raises(ConfigError, match="models without any"):
        prompt_similarity(retriever("saw {history:items}"))
    with pytest.raises(CheckpointError):
        prompt_similarity({"a": tmp_path / "nothing"})
    with pytest.raises(ConfigError, match="different backbones"):
        prompt_similarity({"a": retriever(), "b": retriever(encoder={"family": "roberta"})})
