"""A retriever that is useful untrained, and what training makes of it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import tfprompt as tp
from tests.toy import dataset, retriever
from tfprompt.data.request import Request
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError
from tfprompt.models.loading import load
from tfprompt.models.request_inputs import request_inputs

WORDS = "user {age} liked {history:titles 2} next"


def sentence_scores(model: Any, requests: Any, rows: np.ndarray) -> np.ndarray:
    """Cosines of rendered templates and items, by the frozen encoder alone."""
    model.prepare()  # measures the whitening
    titles, template = requests.catalog.titles(), model.encoder.template
    texts = [
        template.render(requests.users.row(row, named=True),
                        items=[titles[item] for item in requests.history(row)])
        for row in rows.tolist()
    ]  # fmt: skip
    loaded = model.encoder.loaded
    queries = encode_texts(loaded, texts, cache=False)
    items = encode_texts(loaded, requests.catalog.texts(), cache=False)
    if model.item_table.whitening is not None:
        queries, items = (np.asarray(model.item_table.from_text(v)) for v in (queries, items))
    return queries @ items.T


@pytest.mark.parametrize("shrinkage", [None, 1.0])
@pytest.mark.parametrize("seam", [0, 2])
def test_an_untrained_score_is_the_cosine_of_two_sentences(
    shrinkage: float | None, seam: int
) -> None:
    model = retriever(WORDS, start="text", shrinkage=shrinkage, encoder={"prompt_layer": seam})
    requests = dataset().leave_one_out().test
    rows = np.arange(len(requests))
    expected = sentence_scores(model, requests, rows)
    np.testing.assert_allclose(model.scores(requests, rows), expected, atol=2e-5)
    assert np.ptp(expected) > 0.05


def test_an_untrained_score_with_a_history_is_the_similarity_of_content() -> None:
    model = retriever(start="text", content_weight=1.0, collaborative=2)
    plain = retriever(content_weight=1.0, collaborative=2)
    requests = dataset().leave_one_out().test
    rows, width = np.arange(len(requests)), model.encoder.width
    scores = model.scores(requests, rows)
    queries, items = plain.predict(requests), np.asarray(plain.candidates())
    np.testing.assert_allclose(scores, queries[:, width:] @ items[:, width:].T, atol=1e-5)


@pytest.mark.parametrize(
    ("template", "options"),
    [(WORDS, {}), ("{soft:2} {history:items}", {"content_weight": 1.0, "tied": False})],
)
def test_training_starts_there_and_learns(template: str, options: dict[str, Any], tmp_path) -> None:
    model = retriever(template, start="text", **options)
    split = dataset().leave_one_out()
    model.compile(keras.optimizers.Adam(5e-3))
    losses = model.fit(split.train, epochs=8, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save_prompts(tmp_path / "prompts")
    again = load(tmp_path / "prompts", dataset().items, backbone=model.encoder.loaded)
    assert again.start == "text"
    rows = np.arange(3)
    np.testing.assert_array_equal(model.scores(split.test, rows), again.scores(split.test, rows))


def test_the_prompt_of_a_target_never_holds_its_title() -> None:
    # Each user of the toy data meets an item once, so no title of the future is one of the past.
    model = retriever("{history:titles 3} next")
    pieces = model.encoder.loaded.tokenizer.pieces(dataset().items.titles()).to_list()
    train, seen = dataset().leave_one_out().train, set()
    for epoch in range(3):
        batches = model.pipeline.training_arrays(train, batch_size=4, seed=1, epoch=epoch)
        for batch, x, y in batches:
            assert ((y["target"] >= 0).sum(axis=1) == 1).all()
            for row, target in enumerate(y["target"].max(axis=1)):
                past = x["history"][row][x["history"][row] >= 0]
                user = slice(*train.offsets[batch["row"][row] :][:2])
                own = train.items[user].tolist()
                place = own.index(target)
                assert 1 <= len(past) <= 3 and past.tolist() == own[place - len(past) : place]
                words = sum(len(pieces[item]) for item in past) + len(past) - 1
                # What is read: these titles and the commas between them; "next", [CLS], [SEP].
                assert x["states_mask"][row].sum() == words + 3
                seen.add((int(batch["row"][row]), int(target)))
    assert len(seen) > len(train)  # the cuts move: in other epochs other targets
    texts = [model.encoder.template.render({}, items=["toy story", "star wars", "red king"])]
    assert texts == ["toy story, star wars, red king next"]


@pytest.mark.parametrize(
    "template", ["{history:text 2} next {history:items}", "{history:text 2} {mask}"]
)
def test_one_request_is_asked_as_many_are(template: str) -> None:
    model = retriever(template)
    requests = dataset().leave_one_out().test
    model.prepare()
    ids = requests.catalog.ids
    one = model(request_inputs(model, Request(history=ids[requests.history(3)].tolist())))
    np.testing.assert_allclose(np.asarray(one)[0], model.predict(requests)[3], atol=2e-5)


@pytest.mark.parametrize(
    ("template", "options", "says"),
    [
        (WORDS, {"start": "zero"}, "'random' or 'text'.*'zero'"),
        (WORDS, {"start": "text", "similarity": "dot"}, "similarity='cosine'.*'dot'"),
        ("{history:items}", {"start": "text"}, "content_weight=0.0.*Give a content_weight"),
        (WORDS + " {mask}", {"start": "text"}, "read_out='mask'.*Leave {mask} out"),
    ],
)
def test_a_start_that_is_none_is_refused(template: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){says}"):
        retriever(template, **options)


def test_the_start_is_kept_where_training_makes_it_worse() -> None:
    model = retriever(WORDS, start="text")
    split = dataset().leave_one_out()
    rows = np.arange(len(split.test))
    before = model.scores(split.test, rows)
    model.compile(keras.optimizers.SGD(-10.0))  # uphill
    best = tp.training.BestWeights(split.validation, monitor="val_loss", mode="min", patience=2)
    history = model.fit(
        split.train, validation_data=split.validation, epochs=9, verbose=0, callbacks=[best]
    ).history
    assert (best.best_epoch, len(history["loss"])) == (0, 2)
    np.testing.assert_array_equal(model.scores(split.test, rows), before)
    with pytest.raises(ConfigError, match="figure of validation: .*val_loss.*'val_auc'"):
        model.fit(split.train, validation_data=split.validation, verbose=0,
                  callbacks=[tp.training.BestWeights(split.validation, "val_auc")])  # fmt: skip
