"""Prompts of every kind: what training changes, what is kept, what is served, what leaks not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfprompt as tp
from tests import toy
from tests.continual.streams import rented
from tfprompt.data.request import Request
from tfprompt.encoders.starting_points import k_means, labels_of
from tfprompt.errors import ConfigError, TemplateError
from tfprompt.models.retriever import Retriever

# Template, options of the encoder, and the trained tensors that make the kind itself. Kinds stand
# together where they can: each model costs seconds to trace.
KINDS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "together": (
        "{soft:2 mlp} {user:personal 2} {history:personal 1} {age:personal 1} {hour:personal 1} "
        "{device:task 2} {pool:2x2 of 4} watched {history:items}",
        {},
        {
            "soft_0/network_out", "code_1/table", "personal_1/lift", "personal_2/prompt",
            "code_2/projection", "code_3/table", "code_4/table", "task_5/prompt",
            "task_5/by_column", "pool_6/prompts", "pool_6/keys",
        },
    ),
    "pool of texts": ("{pool:2 of 4} a {age} year old {mask}", {}, {"pool_0/prompts"}),
    "deep ensemble": (
        "{soft:2} watched {history:items}",
        {"ensemble": 2, "deep": True},
        {"soft_0/prompt", "deep_2/prompt"},
    ),
}  # fmt: skip
USER = "{soft:1} {user:personal 2} watched {history:items}"
PAST = "{soft:1} {history:personal 2} watched {history:items}"
POOL = "{pool:2x2 of 4} watched {history:items}"
NETWORK = "{soft:3 mlp} watched {history:items}"
STARTS = '{soft:3 items} {soft:2 labels occupation} {soft:2 "toy story"} {history:items}'


def made(kind: str, **options: Any) -> Retriever:
    template, of_encoder, _ = KINDS[kind]
    return toy.retriever(template, encoder=of_encoder, **options)


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest) -> tuple[str, Retriever, dict[str, np.ndarray]]:
    """A model of each kind after two epochs, and its values before."""
    model = made(request.param)
    model.prepare()
    before = toy.trained_values(model)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(toy.dataset().leave_one_out().train, epochs=2, batch_size=4, verbose=0)
    return request.param, model, before


def test_training_changes_what_makes_the_kind_and_the_frozen_network_stays(
    trained: tuple[str, Retriever, dict[str, np.ndarray]],
) -> None:
    from tfprompt.encoders.fingerprint import fingerprint

    kind, model, before = trained
    after = toy.trained_values(model)
    changed = {name for name in after if not np.array_equal(after[name], before[name])}
    assert KINDS[kind][2] <= changed
    loaded = model.encoder.loaded
    assert fingerprint(loaded.backbone) == loaded.fingerprint


def test_kept_and_loaded_it_answers_the_same(
    trained: tuple[str, Retriever, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    _, model, _ = trained
    requests = toy.dataset().leave_one_out().test
    kept = model.save_prompts(tmp_path / "prompts")
    loaded = tp.load(kept, toy.dataset().items, backbone=model.encoder.loaded)
    np.testing.assert_allclose(model.predict(requests), loaded.predict(requests), atol=1e-6)
    model.save(tmp_path / "toy.keras")
    config = model.get_config()
    again = tp.Retriever.from_options(
        type(model.encoder)(model.encoder.loaded, config["template"], **config["encoder"]),
        toy.dataset().items,
        config["model"],
    )
    again.load_weights(tmp_path / "toy.keras")
    np.testing.assert_allclose(model.predict(requests), again.predict(requests), atol=1e-6)


def test_an_artifact_answers_as_the_model_does(
    trained: tuple[str, Retriever, dict[str, np.ndarray]], tmp_path: Path
) -> None:
    from tfprompt.artifacts.signature_inputs import signature_inputs

    _, model, _ = trained
    directory = model.export(tmp_path / "toy" / "1", k=8, check=False)
    served = tf.saved_model.load(str(directory)).signatures["recommend"]
    requests = [
        Request.of(toy.dataset(), "u1", context={"device": "tv", "timestamp": 4e4}),
        Request.of(toy.dataset(), "u2", context={"device": "web"}),
        Request(user="a stranger", history=["i3"], profile={"age": 33}),
        Request(user="u0", history=[], wish="love story"),
    ]
    if not model.encoder.template.has_history:
        requests = requests[:2]
    specs = served.structured_input_signature[1]
    inputs = signature_inputs(specs, requests, k=[0] * len(requests))
    answer = served(**{name: tf.constant(value) for name, value in inputs.items()})
    for place, request in enumerate(requests):
        expected = tp.recommend(model, request, k=8)
        found = [item.decode() for item in answer["item_ids"].numpy()[place] if item]
        assert found == [item.item_id for item in expected]
        scores = answer["scores"].numpy()[place][: len(expected)]
        np.testing.assert_allclose(scores, [item.score for item in expected], atol=2e-5)


def test_an_unknown_person_gets_the_prompt_of_everybody() -> None:
    model = toy.retriever(USER)
    model.compile(run_eagerly=True)
    model.fit(toy.dataset().leave_one_out().train, epochs=2, batch_size=4, verbose=0)
    prompt = model.encoder.made_prompts["personal_1"]
    code = model.encoder.made_prompts["code_1"]
    known, unknown = np.asarray(prompt(code(np.array([1, 0]))))
    np.testing.assert_array_equal(unknown, np.asarray(prompt.prompt))
    assert np.abs(known - unknown).max() > 1e-4
    base = tp.recommend(model, Request(history=["i1", "i2"]), k=3)
    assert base == tp.recommend(model, Request(user="a stranger", history=["i1", "i2"]), k=3)
    assert base != tp.recommend(model, Request(user="u1", history=["i1", "i2"]), k=3)


@pytest.mark.parametrize("template", [PAST, POOL])
def test_no_step_of_training_is_shown_what_follows_it(template: str) -> None:
    model = toy.retriever(template)
    rows = toy.batches(model)
    assert any((np.asarray(y["target"]) >= 0).any() for _, y in rows)
    for x, y in rows:
        seen, target = np.asarray(x["glimpse"]), np.asarray(y["target"])
        for row in range(len(seen)):
            trained_steps = np.flatnonzero(target[row] >= 0)
            assert not len(trained_steps) or seen[row].sum() <= trained_steps.min()
    # The prompt of a window is a function of what may be seen, and of nothing behind it.
    x, _ = rows[0]
    other = dict(x)
    history = np.array(x["history"])
    hidden = (history >= 0) & ~np.asarray(x["glimpse"])
    assert hidden.any()
    history[hidden] = (history[hidden] + 1) % toy.ITEMS
    other["history"] = tf.constant(history)
    prompts = [
        np.asarray(plan.embeddings[:, : model.encoder.template.prompt_tokens])
        for plan in (_plan(model, x), _plan(model, other))
    ]
    np.testing.assert_allclose(*prompts, atol=1e-6)


def _plan(model: Retriever, x: Any) -> Any:
    from tfprompt.encoders.layout import lay_out

    vectors, ids = model.item_table(x["history"])
    items = model.item_tower.tokens(vectors, ids)
    given = {**x, "items": items, "content": vectors, "items_mask": x["history"] >= 0}
    return lay_out(model.encoder, given, True, False)[0]


def test_tasks_share_a_prompt_in_rank_one() -> None:
    from tfprompt.layers import TaskPrompt

    prompt = TaskPrompt(length=2, width=3, tasks=2, initializer="ones")
    prompt.build()
    prompt.by_vector.assign([[1.0, 2.0], [3.0, 4.0]])
    prompt.by_column.assign([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0]])
    first, second, unknown = np.asarray(prompt(np.array([1, 2, 0])))
    np.testing.assert_array_equal(first, [[1, 1, 1], [2, 2, 2]])
    np.testing.assert_array_equal(second, [[3, 0, -3], [4, 0, -4]])
    np.testing.assert_array_equal(unknown, np.ones((2, 3)))


def test_a_pool_gives_the_prompts_of_the_nearest_keys_and_draws_them_near() -> None:
    from tfprompt.layers import PromptPool

    pool = PromptPool(chosen=2, each=1, size=3, width=2, query_width=2, pull=0.5)
    pool.build()
    pool.keys.assign([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    pool.prompts.assign([[[1.0, 1.0]], [[2.0, 2.0]], [[3.0, 3.0]]])
    out = pool(np.array([[3.0, 4.0], [-4.0, 3.0]], "float32"), training=True)
    np.testing.assert_array_equal(np.asarray(out)[:, :, 0], [[2, 1], [3, 2]])
    # Cosines .8 and .6 for both rows; 0.5 · mean(1 - cosine) by hand.
    assert len(pool.losses) == 1
    assert float(pool.losses[0]) == pytest.approx(0.5 * np.mean([0.2, 0.4, 0.2, 0.4]), rel=1e-5)


def test_the_pull_of_a_pool_reaches_the_loss_once() -> None:
    model = toy.retriever(POOL)
    x, _ = toy.batches(model)[0]
    for _ in range(2):
        model(x, every_position=True, training=True)
        assert len(model.losses) == 1


def test_members_of_an_ensemble_answer_together() -> None:
    template = "{soft:2} watched {history:items}"
    model = toy.retriever(template, encoder={"ensemble": 3})
    model.prepare()
    x, _ = toy.batches(model)[0]
    soft = model.encoder.soft_prompts[0]
    assert soft.prompt.shape == (3, 2, toy.WIDTH)
    assert len(np.unique(np.asarray(soft.prompt).reshape(3, -1), axis=0)) == 3
    members = []
    for member in range(3):
        single = toy.retriever(template)
        single.start_from(model)
        single.encoder.soft_prompts[0].prompt.assign(soft.prompt[member])
        single.prepare()
        vectors, ids = single.item_table(x["history"])
        given = {**x, "items": single.item_tower.tokens(vectors, ids),
                 "items_mask": x["history"] >= 0}  # fmt: skip
        members.append(np.asarray(single.encoder(given)))
    vectors, ids = model.item_table(x["history"])
    given = {**x, "items": model.item_tower.tokens(vectors, ids), "items_mask": x["history"] >= 0}
    np.testing.assert_allclose(
        np.asarray(model.encoder(given)), np.mean(members, axis=0), atol=1e-5
    )


def test_a_network_is_folded_away_and_training_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    train = toy.dataset().leave_one_out().train
    model = toy.retriever(NETWORK)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    model.fit(train, epochs=2, batch_size=4, verbose=0)
    kept = model.save_prompts(tmp_path / "kept", optimizer=True)
    from tfprompt.models.prompt_files import read_tensors

    assert not [name for name in read_tensors(kept) if "network" in name]
    layer = model.encoder.soft_prompts[0]
    prompt, first, second = (np.asarray(w) for w in (layer.prompt, *layer.network))
    folded = prompt + np.tanh(prompt @ first) @ second
    assert np.abs(second).max() > 0
    np.testing.assert_allclose(
        read_tensors(kept)["prompted_encoder/soft_0/prompt"], folded, atol=1e-6
    )
    resumed = toy.retriever(NETWORK)
    resumed.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    resumed.load_prompts(kept)
    for one in (model, resumed):
        one.fit(train, epochs=2, initial_epoch=1, batch_size=4, verbose=0)
    for name, value in toy.trained_values(model).items():
        np.testing.assert_allclose(
            toy.trained_values(resumed)[name], value, atol=1e-5, err_msg=name
        )


def test_a_network_starts_anew_behind_a_prompt_that_is_taken_over() -> None:
    model, other = toy.retriever(NETWORK), toy.retriever(NETWORK)
    for made in (model, other):
        toy.moved(made)
    expected = np.asarray(other.encoder.soft_prompts[0].vectors())
    model.start_from(other)
    np.testing.assert_allclose(model.encoder.soft_prompts[0].vectors(), expected, atol=1e-6)


def test_prompts_start_where_the_template_says() -> None:
    model = toy.retriever(STARTS)
    items, labels, words = model.encoder.soft_prompts
    before = np.array(items.prompt)
    assert labels_of(model.catalog, "occupation") == ["artist", "student"]
    model.prepare()
    # The mean state of each name's pieces, between what begins and what ends a text.
    tokenizer, seam = model.encoder.loaded.tokenizer, model.encoder.seam
    for row, name in zip(np.asarray(labels.prompt), ("artist", "student"), strict=True):
        ids = tokenizer.pieces([name]).numpy()[0].tolist()
        text = np.array([[tokenizer.cls_id, *ids, tokenizer.sep_id]])
        states = np.asarray(seam.lower_states(text, np.ones_like(text)))[0, 1:-1]
        np.testing.assert_allclose(row, states.mean(axis=0), atol=1e-6)
    assert np.abs(np.asarray(items.prompt) - before).max() > 0.1
    from tfprompt.encoders.starting_points import word_states

    first = word_states(model.encoder.loaded, model.encoder.seam, "toy story")[:2]
    np.testing.assert_allclose(np.asarray(words.prompt), first, atol=1e-6)
    # What is loaded or taken over does not start again.
    taken = toy.retriever(STARTS)
    taken.start_from(model)
    model.encoder.soft_prompts[0].prompt.assign(before)
    taken.start_from(model)
    taken.prepare()
    np.testing.assert_array_equal(np.asarray(taken.encoder.soft_prompts[0].prompt), before)


def test_more_vectors_than_items_start_apart() -> None:
    model = toy.retriever("{soft:14 items} {pool:2x1 of 14} {history:items}")
    model.prepare()
    pool = model.encoder.made_prompts["pool_1"]
    for rows in (model.encoder.soft_prompts[0].prompt, pool.keys):
        assert len(np.unique(np.asarray(rows).round(4), axis=0)) == 14
    twelve = np.asarray(model.item_table.all_items()[0])
    np.testing.assert_allclose(np.asarray(pool.keys)[:12], twelve, atol=1e-6)


def test_classes_of_a_text_column_are_its_parts() -> None:
    data = rented()
    assert data.items.columns["genres"].kind == "text"
    assert sorted(labels_of(data.items, "genres")) == ["action", "comedy", "drama"]
    model = toy.retriever("{soft:3 labels genres} {history:items}", data=data)
    model.prepare()
    assert len(np.unique(np.asarray(model.encoder.soft_prompts[0].prompt), axis=0)) == 3


def test_few_distinct_vectors_are_their_own_centres() -> None:
    rows = np.repeat([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]], 4, axis=0)
    found = k_means(rows, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(found, [[1, 0], [0, 2], [3, 3]])


def test_requests_without_a_history_choose_from_the_whole_pool() -> None:
    model = toy.retriever("{pool:1x1 of 4} a {age} year old {occupation} wants {wish} {mask}")
    model.prepare()
    pool = model.encoder.made_prompts["pool_0"]
    requests = [
        Request(wish=title, profile={"age": age, "occupation": job})
        for title, age, job in zip(
            toy.TITLES, range(18, 30), 6 * ("artist", "student"), strict=True
        )
    ]
    from tfprompt.encoders.prompt_layers import likeness
    from tfprompt.models.request_inputs import request_inputs

    queries = [likeness(model.encoder, request_inputs(model, each)) for each in requests]
    chosen = np.asarray(pool.cosines(np.concatenate(queries))).argmax(axis=1)
    counts = np.bincount(chosen, minlength=4)
    assert (counts > 0).sum() >= 3 and counts.max() <= 8


def test_a_network_that_starts_anew_is_one_that_was_never_trained() -> None:
    model = toy.moved(toy.retriever(NETWORK))
    layer, fresh = model.encoder.soft_prompts[0], toy.retriever(NETWORK).encoder.soft_prompts[0]
    vectors = np.asarray(layer.vectors())
    layer.assign(vectors)
    np.testing.assert_allclose(layer.vectors(), vectors, atol=1e-6)
    for one, other in zip(layer.network, fresh.network, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_bank_serves_each_row_its_prompt_without_tracing_again(tmp_path: Path) -> None:
    model = toy.retriever("{soft:2} watched {history:items}", encoder={"deep": True})
    model.prepare()
    layers = [*model.encoder.soft_prompts, *model.encoder.deep_prompts]
    own = [np.array(layer.prompt) for layer in layers]
    for name, factor in (("de", -1.0), ("fr", 2.0)):
        for layer, value in zip(layers, own, strict=True):
            layer.assign(factor * value)
        model.save_prompts(tmp_path / name)
    x, _ = toy.batches(model)[0]
    expected = {}
    for name, factor in (("default", 1.0), ("de", -1.0), ("fr", 2.0)):
        for layer, value in zip(layers, own, strict=True):
            layer.assign(factor * value)
        expected[name] = np.asarray(model(x))
    for layer, value in zip(layers, own, strict=True):
        layer.assign(value)

    bank = model.prompts
    bank.add("de", tmp_path / "de")
    rows = ["de", "default", "de"]
    found = np.asarray(bank.queries(x, rows))
    want = np.stack([expected[name][place] for place, name in enumerate(rows)])
    np.testing.assert_allclose(found, want, atol=1e-6)
    bank.add("fr", tmp_path / "fr")
    found = np.asarray(bank.queries(x, ["fr", "de", "fr"]))
    np.testing.assert_allclose(found[0], expected["fr"][0], atol=1e-6)
    assert bank._graph.experimental_get_tracing_count() == 1
    mean = np.asarray(bank.mean_queries(x, ["default", "de", "fr"]))
    np.testing.assert_allclose(mean, np.mean(list(expected.values()), axis=0), atol=1e-5)
    bank.add("de", tmp_path / "fr")  # swapped while running
    np.testing.assert_allclose(np.asarray(bank.queries(x, ["de"] * 3)), expected["fr"], atol=1e-6)
    assert tp.recommend(model, history=["i1"], k=3, prompt="fr") != tp.recommend(
        model, history=["i1"], k=3
    )
    bank.remove("de")
    assert bank.names == ("default", "fr")
    with pytest.raises(ConfigError, match="default, fr"):
        bank.queries(x, ["de"] * 3)
    with pytest.raises(ConfigError, match="other than 'default'"):
        bank.add("default", tmp_path / "de")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{title:task 4} {history:items}", "column of the items"),
        ("{age:task 4} {history:items}", "task is a categorical column"),
        ("{nobody:personal 4} {history:items}", "no column 'nobody'"),
        ("{history:personal 4} {mask}", "must hold"),
        ("{soft:4 labels nothing} {history:items}", "values of a column"),
        ("{soft:4 somewhere} {history:items}", "may say where it starts"),
        ("{user:personal} {history:items}", "{user:personal 4}"),
        ("{user:personal 0} {history:items}", "1 to 512"),
        ("{pool:4} {history:items}", "A pool is written"),
        ("{pool:5 of 4} {history:items}", "holds what is chosen"),
        ("{pool} {history:items}", "needs an argument"),
    ],
)
def test_a_mistake_is_pointed_at(template: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        toy.retriever(template)


def test_an_ensemble_needs_a_prompt() -> None:
    with pytest.raises(ConfigError, match="ensemble=2"):
        toy.retriever("watched {history:items}", encoder={"ensemble": 2})
