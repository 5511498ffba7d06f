"""What each signature answers, against the model and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tfprompt as tp
from tests import toy
from tfprompt.artifacts import read_card
from tfprompt.errors import ExportError
from tfprompt.models.retriever import Retriever

TEMPLATE = "{soft:2} user {age} {age:feature} {hour:feature} watched {history:items}"
LOWEST = float(np.finfo(np.float32).min)


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    """Two prompts deep, with ids, away from its initial values."""
    options = {"deep": True, "prompt_layer": 1}
    return toy.moved(toy.retriever(TEMPLATE, collaborative=4, encoder=options), by=0.1)


@pytest.fixture(scope="module")
def other_prompt(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with other vectors in its prompts, as trained for another market."""
    folder = tmp_path_factory.mktemp("prompts")
    prompts = [*model.encoder.soft_prompts, *model.encoder.deep_prompts]
    kept = [np.array(layer.prompt) for layer in prompts]
    for layer, value in zip(prompts, kept, strict=True):
        layer.prompt.assign(-2 * value)
    model.save_prompts(folder / "de")
    for layer, value in zip(prompts, kept, strict=True):
        layer.prompt.assign(value)
    return folder / "de"


@pytest.fixture(scope="module")
def served(model: Retriever, other_prompt: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    base = tmp_path_factory.mktemp("models")
    options: dict[str, Any] = {"k": 8, "titles": True, "prompts": {"de": other_prompt}}
    directory = model.export(base / "toy" / "1", check=False, **options)
    return tf.saved_model.load(str(directory))


def inputs(histories: list[list[str]], **others: Any) -> dict[str, tf.Tensor]:
    """A batch of requests that say nothing but their history and what is given."""
    count, longest = len(histories), max(map(len, histories))
    values: dict[str, Any] = {
        "history": [h + [""] * (longest - len(h)) for h in histories],
        "wish": [""] * count,
        "prompt": [""] * count,
        "age": ["24"] * count,
        **others,
    }
    moments = tf.constant(values.pop("timestamp", [3600] * count), tf.int64)
    return {name: tf.constant(value) for name, value in values.items()} | {"timestamp": moments}


def recommend(served: Any, histories: list[list[str]], **others: Any) -> dict[str, np.ndarray]:
    count = len(histories)
    asked = {"k": [0] * count, "exclude": [[""]] * count, **others}
    answer = served.signatures["recommend"](**inputs(histories, **asked))
    return {name: value.numpy() for name, value in answer.items()}


def ids(row: np.ndarray) -> list[str]:
    return [item.decode() for item in row if item]


def expected(model: Retriever, history: list[str], k: int, **others: Any) -> list[str]:
    profile = {"age": 24, "hour": 1}
    return [i.item_id for i in tp.recommend(model, history=history, profile=profile, k=k, **others)]


def test_each_row_has_its_own_k(model: Retriever, served: Any) -> None:
    histories = [["i3", "i0"], ["i5"], [], ["i1"]]
    answer = recommend(served, histories, k=[3, 1, 0, 500])
    assert [len(ids(row)) for row in answer["item_ids"]] == [3, 1, 8, 8]
    for row, k in enumerate([3, 1, 8, 8]):
        assert ids(answer["item_ids"][row]) == expected(model, histories[row], k)
        assert (answer["scores"][row][k:] == np.float32(LOWEST)).all()
    assert recommend(served, histories[:2], k=[2, 1])["item_ids"].shape == (2, 2)
    titles = dict(zip(model.catalog.ids, model.catalog.titles(), strict=True))
    assert [t.decode() for t in answer["titles"][0] if t] == [
        titles[item] for item in ids(answer["item_ids"][0])
    ]


def test_what_is_excluded_does_not_come_back(model: Retriever, served: Any) -> None:
    first = ids(recommend(served, [["i3", "i0"]])["item_ids"][0])
    answer = recommend(served, [["i3", "i0"]], exclude=[["", first[0], "nobody", first[2]]])
    left = ids(answer["item_ids"][0])
    assert left == expected(model, ["i3", "i0"], 8, exclude=[first[0], first[2]])
    assert not {first[0], first[2]} & set(left)


def test_vectors_and_scores_agree(served: Any) -> None:
    histories = [["i3", "i0"], []]
    request = inputs(histories, wish=["a red queen", ""])
    query = served.signatures["encode_query"](**request)["embedding"].numpy()
    items = [f"i{row}" for row in range(12)]
    vectors = served.signatures["encode_item"](
        item_id=tf.constant(items), text=tf.constant([""] * 12)
    )["embedding"].numpy()
    candidates = tf.constant([[*items, "nobody", ""]] * 2)
    scores = served.signatures["score"](**request, candidates=candidates)["scores"].numpy()
    np.testing.assert_allclose(scores[:, :12], query @ vectors.T, atol=1e-5)
    assert (scores[:, 12:] == np.float32(LOWEST)).all()
    answer = recommend(served, histories, wish=["a red queen", ""])
    for row in range(2):
        places = [items.index(item) for item in ids(answer["item_ids"][row])]
        np.testing.assert_allclose(answer["scores"][row], scores[row, places], atol=1e-5)


def test_a_new_item_is_encoded_by_its_text(model: Retriever, served: Any) -> None:
    encode = served.signatures["encode_item"]

    def vector(item: str, text: str) -> np.ndarray:
        answer = encode(item_id=tf.constant([item]), text=tf.constant([text]))
        return answer["embedding"].numpy()[0]

    text = model.catalog.texts()[3]
    new = vector("", text)
    table, tower = model.item_table, model.trained_candidates
    np.testing.assert_allclose(
        new, np.concatenate([np.asarray(tower(table(np.array([3]))[0], np.zeros((1, 4))))[0],
                             np.asarray(table(np.array([3]))[0])[0]]), atol=1e-5
    )  # fmt: skip
    # A known item keeps what clicks say of it, whatever its text is said to be.
    np.testing.assert_allclose(vector("i3", text), vector("i3", ""), atol=1e-5)
    assert np.abs(vector("i3", "") - new).max() > 1e-3
    assert not vector("nobody", "").any()


def test_each_row_has_its_own_prompt(model: Retriever, other_prompt: Path, served: Any) -> None:
    names = ["de", "", "unheard of", "default"]
    answer = recommend(served, [["i3", "i0"]] * 4, prompt=names)
    own = expected(model, ["i3", "i0"], 8)
    other = tp.load(other_prompt, model.catalog, backbone=model.encoder.loaded)
    assert [ids(row) for row in answer["item_ids"]] == [
        expected(other, ["i3", "i0"], 8), own, own, own,
    ]  # fmt: skip
    assert np.abs(answer["scores"][0] - answer["scores"][1]).max() > 1e-3


def test_prompts_share_all_but_their_vectors(
    model: Retriever, other_prompt: Path, tmp_path: Path
) -> None:
    lift = model.item_tower.lift.kernel
    kept = np.array(lift)
    lift.assign(kept + 1)
    try:
        with pytest.raises(ExportError, match="item_tower/lift"):
            model.export(tmp_path / "1", prompts={"de": other_prompt})
    finally:
        lift.assign(kept)
    with pytest.raises(ExportError, match="name of its own"):
        model.export(tmp_path / "1", prompts={"default": other_prompt})
    assert not list(tmp_path.iterdir())


def test_nothing_that_comes_in_brings_nan_out(model: Retriever, served: Any) -> None:
    odd = ["inf", "-1e99", "twenty", "", "NaN", "1e", "\x00", "24"]
    moments = [-1, -(2**63), 2**63 - 1, 0, 1, 10**12, -5, 3600]
    answer = recommend(served, [["i1"]] * 8, age=odd, timestamp=moments, wish=["\xff"] * 8)
    assert np.isfinite(answer["scores"]).all()
    unknown = recommend(served, [["i1"]], timestamp=[-1])
    assert ids(unknown["item_ids"][0]) == [
        item.item_id for item in tp.recommend(model, history=["i1"], profile={"age": 24}, k=8)
    ]


@pytest.mark.parametrize("catalog", [pytest.param("bfloat16", marks=pytest.mark.slow), "int8"])
def test_a_catalog_in_fewer_bytes(
    model: Retriever, served: Any, catalog: str, tmp_path: Path
) -> None:
    directory = model.export(tmp_path / "1", k=8, catalog=catalog, check=False)
    smaller = tf.saved_model.load(str(directory))
    exact, near = recommend(served, [["i3", "i0"]]), recommend(smaller, [["i3", "i0"]])
    shared = set(ids(exact["item_ids"][0])) & set(ids(near["item_ids"][0]))
    # An int8 row is off by 1/254 of its largest number at most: a score by about as much.
    assert len(shared) >= 7
    np.testing.assert_allclose(np.sort(near["scores"]), np.sort(exact["scores"]), atol=0.05)
    stored = {n.split("/.")[0]: s for n, s in tf.train.list_variables(
        str(directory / "variables" / "variables"))}  # fmt: skip
    assert ("catalog/trained/scales" in stored) == (catalog == "int8")
    assert read_card(directory)["catalog"]["stored_as"] == catalog


def test_token_ids_instead_of_text(model: Retriever, served: Any, tmp_path: Path) -> None:
    directory = model.export(tmp_path / "1", k=8, tokens=True, check=False)
    twin = tf.saved_model.load(str(directory))
    tokenizer = model.encoder.loaded.tokenizer

    def tokens(texts: list[str]) -> tf.Tensor:
        return tokenizer(texts, pad_to_length=True)["token_ids"]

    wishes, ages = ["a red queen", "", "Star WARS, the!"], ["24", "", "31"]
    request = inputs([["i3"], ["i1", "i2"], []], wish=wishes, age=ages)
    del request["wish"], request["age"]
    numbers = tf.constant([24.0, float("nan"), 31.0])
    answer = twin.signatures["recommend"](
        **request, k=tf.constant([0] * 3), exclude=tf.constant([[""]] * 3), age=numbers,
        wish_tokens=tokens(wishes), age_tokens=tokens(ages),
    )  # fmt: skip
    same = recommend(served, [["i3"], ["i1", "i2"], []], wish=wishes, age=ages)
    assert answer["item_ids"].numpy().tolist() == same["item_ids"].tolist()
    np.testing.assert_allclose(answer["scores"].numpy(), same["scores"], atol=1e-5)
    encoded = twin.signatures["encode_item"](
        item_id=tf.constant([""]), text_tokens=tokens(["red king"])
    )["embedding"]
    plain = served.signatures["encode_item"](
        item_id=tf.constant([""]), text=tf.constant(["red king"])
    )["embedding"]
    np.testing.assert_allclose(encoded, plain, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k is 1 or more"),
        ({"catalog": "int4"}, "stored as one of"),
        ({"examples": []}, "1 request or more"),
    ],
)
def test_options_out_of_range(
    model: Retriever, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=message):
        model.export(tmp_path / "1", **options)
    assert not list(tmp_path.iterdir())


def test_a_version_is_an_integer(model: Retriever, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="integer names"):
        model.export(tmp_path / "latest")
