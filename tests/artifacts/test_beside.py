"""What stands beside the graph: warm-up requests and the model card; and what a check refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import toy
from tfprompt.artifacts import (
    WarmUp,
    read_card,
    read_warm_up,
    sample_requests,
    write_warm_up,
)
from tfprompt.artifacts.catalog_graph import CatalogGraph
from tfprompt.artifacts.item_ids import write_ids
from tfprompt.data import Request
from tfprompt.errors import ExportError
from tfprompt.models.retriever import Retriever

TEMPLATE = "{soft:2} user {age} watched {history:items}"


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    return toy.retriever(TEMPLATE)


@pytest.fixture(scope="module")
def version(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.export(
        tmp_path_factory.mktemp("models") / "toy" / "3",
        k=5,
        examples=sample_requests(toy.dataset(), 6),
        about={"data": {"name": "toy"}, "metrics": {"validation_ndcg@10": 0.25}},
    )


def test_warm_up_requests_are_those_of_the_data(version: Path) -> None:
    records = read_warm_up(version)
    names = [record.signature for record in records]
    assert set(names) == {"serving_default", "recommend", "encode_query", "encode_item", "score"}
    default = [record.inputs for record in records if record.signature == "serving_default"]
    # Alone and together, with a wish and without.
    assert {len(inputs["history"]) for inputs in default} >= {1, 4, 6}
    assert any(wish for inputs in default for wish in inputs["wish"])
    assert all((inputs["history"][:, 0] == b"").all() for inputs in default)
    histories = {
        tuple(item.decode() for item in row if item)
        for inputs in default
        for row in inputs["history"]
    }
    events = toy.dataset().interactions
    of_users = {
        tuple(events.filter(events["user_id"] == user)["item_id"].to_list())
        for user in toy.dataset().user_ids
    }
    assert histories <= of_users and len(histories) == 6


def test_the_same_sample_is_drawn_again() -> None:
    first, second = (sample_requests(toy.dataset(), 6, seed=3) for _ in range(2))
    assert first == second != sample_requests(toy.dataset(), 6, seed=4)
    assert [bool(request.wish) for request in first] == [False] * 3 + [True] + [False] * 2


def test_a_warm_up_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    records = [
        WarmUp("score", {"x": np.array([[1.5, float("nan")]], np.float32)}),
        WarmUp("recommend", {"wish": np.array(["Amélie".encode()], object)}),
    ]
    write_warm_up(tmp_path, records)
    found = read_warm_up(tmp_path)
    assert [record.signature for record in found] == ["score", "recommend"]
    np.testing.assert_array_equal(found[0].inputs["x"], records[0].inputs["x"])
    assert found[1].inputs["wish"][0].decode() == "Amélie"
    with pytest.raises(ExportError, match="1 to 1000"):
        write_warm_up(tmp_path, records * 501)
    with pytest.raises(ExportError, match="1 to 1000"):
        write_warm_up(tmp_path, [])


def test_the_card_says_what_was_exported(model: Retriever, version: Path) -> None:
    card = read_card(version)
    assert card["kind"] == "Retriever" and card["template"] == TEMPLATE and card["k"] == 5
    assert card["backbone"]["fingerprint"] == model.encoder.loaded.fingerprint
    assert card["catalog"]["fingerprint"] == model.catalog.fingerprint
    assert card["data"] == {"name": "toy"} and card["metrics"] == {"validation_ndcg@10": 0.25}
    assert card["signatures"]["recommend"]["history"] == "string [any, any]"
    assert all(card["checks"].values()) and card["parity"]["recall"] == 1.0
    assert card["parity"]["lists"] == 12  # 1, 4 and 6 without a wish or with, and 1 with one
    sizes = card["sizes_bytes"]
    for name, size in sizes.items():
        assert (version / name).stat().st_size == size
    assert "saved_model.pb" in sizes
    page = (version / "assets.extra" / "MODEL_CARD.md").read_text("utf-8")
    assert "tiny-bert" in page and "validation_ndcg@10: 0.25" in page


def test_the_licence_of_the_packaged_backbone_is_told() -> None:
    from tfprompt.artifacts.model_card import license_of

    assert license_of("all-minilm-l6-v2") == "Apache-2.0"
    assert "not known here" in license_of("/somewhere/else")


def test_what_differs_from_the_model_does_not_appear(
    model: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = CatalogGraph.scores
    monkeypatch.setattr(CatalogGraph, "scores", lambda self, queries: -scores(self, queries))
    with pytest.raises(ExportError, match=r"FAILED  parity[\s\S]*remedy"):
        model.export(tmp_path / "toy" / "1", k=5)
    assert list((tmp_path / "toy").iterdir()) == []


def test_ids_that_no_line_can_hold_are_refused(tmp_path: Path) -> None:
    for ids in (["a", "b\nc"], ["a\r"], [""]):
        with pytest.raises(ExportError, match="one id a line"):
            write_ids(ids, tmp_path / "items.txt")
    assert not list(tmp_path.iterdir())


def test_odd_ids_are_found_again(own_home: Path, tmp_path: Path) -> None:
    import polars as pl

    from tfprompt.data import read
    from tfprompt.encoders.prompted import PromptedEncoder

    odd = ["a b", "Ümläut", "x\u2028y", '"quoted"', "0", "tab\tid"]
    events = pl.DataFrame(
        {"user_id": ["u"] * 6, "item_id": odd, "timestamp": range(10**9, 10**9 + 6)}
    )
    items = pl.DataFrame({"item_id": odd, "title": list(toy.TITLES[:6])})
    data = read(events, items, item_text="{title}")
    model = Retriever(
        PromptedEncoder(toy.backbone(), "{soft:1} {history:items}", prompt_layer=1), data.items
    )
    directory = model.export(tmp_path / "1", check=False)
    answer = tf.saved_model.load(str(directory)).signatures["recommend"](
        history=tf.constant([[odd[1], odd[5]]]), wish=tf.constant([""]), k=tf.constant([0]),
        exclude=tf.constant([[odd[2]]]), prompt=tf.constant([""]),
    )  # fmt: skip
    left = [item.decode() for item in answer["item_ids"].numpy()[0] if item]
    assert sorted(left) == sorted({*odd} - {odd[1], odd[5], odd[2]})


@pytest.mark.slow
def test_examples_may_be_written_by_hand(model: Retriever, tmp_path: Path) -> None:
    given = [Request(history=["i1"], profile={"age": 30}, wish="a red king")]
    directory = model.export(tmp_path / "1", examples=given, check=False)
    inputs = read_warm_up(directory)[0].inputs
    assert inputs["wish"].tolist() == [b"a red king"] and inputs["age"].tolist() == [b"30"]
    assert inputs["history"].tolist() == [[b"", b"i1"]]
