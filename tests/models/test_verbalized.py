"""Rankers that answer in words: untrained, trained and calibrated."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import tfprompt as tp
from tests.artifacts.test_saved_model import ask
from tests.rated import moved, ranker, rated
from tests.toy import backbone, retriever
from tfprompt.data.request import Request
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError
from tfprompt.models.ranker import Ranker
from tfprompt.models.ranking_pipeline import with_candidates
from tfprompt.models.request_inputs import request_inputs
from tfprompt.prompts import Verbalizer

TEMPLATE = "user {age} saw {history:titles 2} would like {item:text}"
WORDS = ["bad", ["good", "new"]]
SPLIT = rated().ratio(0.3)


def made(**options: bool) -> Ranker:
    return ranker(TEMPLATE, "like", verbalizer=Verbalizer.of(WORDS, **options), bias=False)


def states(model: Ranker) -> np.ndarray:
    """What is read of the first three requests' first targets `[3, 1, D]`."""
    model.prepare()
    fields = model.pipeline.fields_of(SPLIT.test)
    x, rows = next(model.pipeline.request_arrays(SPLIT.test, fields, 3))
    items = SPLIT.test.targets[SPLIT.test.target_offsets[rows]][:, None]
    return np.asarray(model(with_candidates(x, items), states_only=True))


def test_untrained_it_compares_what_is_read_with_the_words() -> None:
    model = made()
    vectors = encode_texts(backbone(), ["bad", "good", "new"], cache=False)
    yes = vectors[1:].mean(axis=0)
    classes = np.stack([vectors[0], yes / np.linalg.norm(yes)])
    read = states(model)[:, 0]
    cosines = read / np.linalg.norm(read, axis=1, keepdims=True) @ classes.T
    fields = model.pipeline.fields_of(SPLIT.test)
    x, rows = next(model.pipeline.request_arrays(SPLIT.test, fields, 3))
    items = SPLIT.test.targets[SPLIT.test.target_offsets[rows]][:, None]
    logits = model.score_items(x, items)[:, 0]
    np.testing.assert_allclose(logits, 10 * (cosines[:, 1] - cosines[:, 0]), atol=1e-4)
    judged = tp.judge(model, SPLIT.test, like=4.0, bootstrap=0)
    assert 0 <= judged.measures["auc"] <= 1


def test_a_request_without_content_is_answered_by_no_word() -> None:
    model, plain = made(calibrated=True), made()
    model.prepare()
    first = np.asarray(model.head.content_free)
    # By hand: nobody and nothing, asked about every item.
    plain.prepare()
    everything = np.arange(len(plain.catalog), dtype=np.int32)[None]
    nobody = request_inputs(plain, Request(history=[]))
    read = plain(with_candidates(nobody, everything), states_only=True)
    expected = np.asarray(plain.head.cosines(read)).mean(axis=(0, 1))
    np.testing.assert_allclose(first, expected, atol=1e-5)
    model.prepare()  # once
    np.testing.assert_array_equal(model.head.content_free, first)
    # The mean over unlabelled requests, whatever was said in them.
    model.calibrate(SPLIT.test)
    pairs = model.predictions(SPLIT.test)
    logits = np.log(pairs / (1 - pairs))
    assert np.abs(logits.mean()) < 1e-3 and np.abs(first - model.head.content_free).max() > 1e-4
    with pytest.raises(ConfigError, match="calibrated=True"):
        plain.calibrate()


def test_trained_words_are_saved_loaded_and_exported(own_home: Path, tmp_path: Path) -> None:
    model = made(soft=True, calibrated=True)
    before = np.array(model.head.vectors)
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    model.fit(SPLIT.train, epochs=2, batch_size=4, verbose=0)
    assert np.abs(before - model.head.vectors).max() > 0.01
    moved(model, by=0.05)
    model.save_prompts(tmp_path / "words")
    again = tp.load(tmp_path / "words", rated().items, backbone=backbone())
    again.compile(run_eagerly=True)  # as the other
    assert again.verbalizer == model.verbalizer
    np.testing.assert_array_equal(again.head.content_free, model.head.content_free)
    rows = np.arange(3)
    lists = np.repeat(np.arange(4, dtype=np.int32)[None], 3, axis=0)
    expected = model.scores_of(SPLIT.test, rows, lists)
    np.testing.assert_array_equal(again.scores_of(SPLIT.test, rows, lists), expected)

    ids, requests = SPLIT.test.catalog.ids, SPLIT.test
    histories = [ids[requests.history(row)].tolist() for row in rows]
    longest = max(map(len, histories))
    ages = requests.users["age"][:3].to_list()
    answer = ask(
        model.export(tmp_path / "judge" / "1", check=False),
        {
            "candidates": [ids[row].tolist() for row in lists],
            "history": [[""] * (longest - len(h)) + ["gone"] + h for h in histories],
            "age": ["" if age is None else str(age) for age in ages],
        },
    )
    assert answer["inputs"] == ["age", "candidates", "history"]
    np.testing.assert_allclose(answer["scores"], 1 / (1 + np.exp(-expected)), atol=1e-4)


def test_a_ranker_that_shares_its_items_is_calibrated_on_what_it_reads() -> None:
    first = retriever("{soft:1} saw {history:items}", data=rated())
    first.prepare()  # the shared items are encoded; what the ranker reads of them is not
    words = Verbalizer.of(WORDS, calibrated=True)
    template = "user {age} saw {history:items} would like {item:text}"
    shared = ranker(template, "like", verbalizer=words, bias=False, share=first)
    shared.calibrate(SPLIT.test)
    found = np.array(shared.head.content_free)
    assert found.all()
    shared.calibrate(SPLIT.test)
    np.testing.assert_array_equal(np.asarray(shared.head.content_free), found)
