"""A device answers as the model does, in a process that has `ai_edge_litert` and numpy alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import tfprompt as tp
from tests import toy
from tests.artifacts.device import ask
from tfprompt.artifacts.litert.graph import DeviceGraph, Shapes
from tfprompt.artifacts.litert.requests import device_inputs, requests_of
from tfprompt.artifacts.litert.text import DeviceText
from tfprompt.data.request import Request
from tfprompt.models.retriever import Retriever

# Every kind of segment; the wish's own way through the whole backbone beside it.
EVERYTHING = (
    "{soft:2} user {age} {occupation} {occupation:feature} {age:feature} {hour:feature} "
    "{user:personal 1} {age:personal 1} {hour:personal 1} {history:personal 1} "
    "{occupation:task 2} {pool:2x2 of 4} "
    "watched {history:items} {mask}"
)
WORDS = "{soft:2} watched {history:items}"


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    """A model away from its initial values."""
    return toy.moved(toy.retriever(EVERYTHING, collaborative=4, content_weight=0.5), by=0.1)


@pytest.fixture(scope="module")
def exported(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("device") / "toy.tflite"
    # The tests below compare; the export's own check has a test of its own.
    return model.export(path, format="litert", k=20, exclude=2, wish=True, check=False)


@pytest.fixture(scope="module")
def words(own_home: Path) -> Retriever:
    return toy.retriever(WORDS, collaborative=4, encoder={"deep": True, "ensemble": 2})


@pytest.fixture(scope="module")
def small(words: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("device") / "films.tflite"
    return words.export(path, format="litert", k=5)


def check(model: Retriever, path: Path, requests: list[dict[str, Any]], k: int) -> None:
    answers = ask(path, [{**request, "k": k} for request in requests])
    for request, answer in zip(requests, answers, strict=True):
        profile = request.get("values", {})
        rest = {name: v for name, v in request.items() if name != "values"}
        expected = tp.recommend(model, profile=profile, k=k, **{"history": [], **rest})
        assert [item for item, _ in answer] == [item.item_id for item in expected], request
        # Two float32 programs add up in another order.
        np.testing.assert_allclose(
            [score for _, score in answer], [item.score for item in expected], atol=1e-4
        )
        assert not {item for item, _ in answer} & {*request.get("history", ())}


def test_a_device_recommends_as_the_model(model: Retriever, exported: Path) -> None:
    artist = {"age": 24, "occupation": "artist", "hour": 1}
    most = model.encoder.max_history - 1  # the wish takes a place
    check(
        model,
        exported,
        [
            {"history": ["i3", "i0"], "values": artist},
            {"history": ["i3", "i0"], "values": {**artist, "user": "u1"}},
            {"history": ["i3", "i0"], "values": {**artist, "user": "a stranger"}},
            {"history": [], "values": artist},
            {"history": ["i5", "nobody", "i1"], "values": {"age": 31, "occupation": "unheard of"}},
            {"history": ["i5"], "values": {"age": 27, "hour": 23}, "wish": "Star WARS at night"},
            {"values": {"occupation": "student", "hour": 0}, "wish": "a love drama"},
            {"history": [f"i{i}" for i in range(most)], "values": artist, "wish": "red queen"},
            {"history": ["i1"], "values": artist, "exclude": ["i2", "i7", "nobody"]},
        ],
        k=20,
    )


def test_a_device_answers_each_person(model: Retriever, exported: Path) -> None:
    asked = [{"history": ["i3"], "values": {"user": user}} for user in ("u1", "u2", "a stranger")]
    known, other, stranger = ask(exported, asked)
    assert known != other and known != stranger
    assert stranger == ask(exported, [{"history": ["i3"]}])[0]


def test_a_request_to_a_device_says_who_asks(model: Retriever) -> None:
    graph = DeviceGraph(model, DeviceText(model.encoder, 8, 0), Shapes(history=4, k=3))

    def place(request: Request) -> int:
        return int(device_inputs(graph, request)["user"][0])

    assert place(Request(profile={"user": "u1"})) == 1
    assert place(Request(user="a stranger")) == place(Request(history=["i1"])) == -1
    assert place(Request(user="u1")) == 1
    part = toy.dataset().leave_one_out().test
    people = model.catalog.columns["user"].vocabulary or ()
    found = [people[place(request)] for request in requests_of(graph, part)]
    assert found == part.user_ids.tolist()


def test_a_template_of_words_takes_a_history_alone(words: Retriever, small: Path) -> None:
    histories = [["i1", "i2"], [], [f"i{i}" for i in range(6)], ["i9", "i9"]]
    check(words, small, [{"history": history} for history in histories], k=5)
    description = json.loads(small.with_suffix(".json").read_text())
    assert list(description["inputs"]) == ["history"]
    assert not small.with_name("films.vocab.txt").exists()


def test_the_documented_program_runs(
    words: Retriever, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "edge.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(import numpy.*?)```", page, flags=re.S)
    for shown, here in (('"50"', '"i5"'), ('"181"', '"i1"'), ("(1, 50)", "(1, 6)")):
        assert shown in program
        program = program.replace(shown, here)
    *lines, last = program.strip().splitlines()
    monkeypatch.chdir(small.parent)
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    expected = [item.item_id for item in tp.recommend(words, history=["i5", "i1"], k=5)]
    assert eval(last, names) == expected


def test_words_need_only_the_layers_above_the_seam(small: Path) -> None:
    # Two of three layers stand above the seam at 1. The words' states are constants: neither a
    # lower layer nor the table of word vectors is in the file.
    interpreter = Interpreter(str(small))
    steps = [step["op_name"] for step in interpreter._get_ops_details()]
    assert steps.count("SOFTMAX") == 2
    pieces = len(toy.backbone().tokenizer.keras_tokenizer.get_vocabulary())
    shapes = [tuple(tensor["shape"]) for tensor in interpreter.get_tensor_details()]
    assert (pieces, toy.WIDTH) not in shapes


def test_every_shape_is_fixed_and_every_operation_built_in(exported: Path) -> None:
    interpreter = Interpreter(str(exported))
    interpreter.allocate_tensors()
    details = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert all((np.array(tensor["shape_signature"]) > 0).all() for tensor in details)
    steps = {step["op_name"] for step in interpreter._get_ops_details()}
    assert not [name for name in steps if "flex" in name.lower() or "custom" in name.lower()]
    description = json.loads(exported.with_suffix(".json").read_text())
    given = interpreter.get_signature_runner().get_input_details()
    assert {name: list(of["shape"]) for name, of in given.items()} == {
        name: of["shape"] for name, of in description["inputs"].items()
    }
    answered = interpreter.get_signature_runner().get_output_details()
    assert {name: list(of["shape"]) for name, of in answered.items()} == {
        name: of["shape"] for name, of in description["outputs"].items()
    }


def test_what_lies_beside_names_the_model(model: Retriever, exported: Path) -> None:
    description = json.loads(exported.with_suffix(".json").read_text())
    assert description["catalog"]["fingerprint"] == model.catalog.fingerprint
    assert description["backbone"]["fingerprint"] == model.encoder.loaded.fingerprint
    assert description["template"] == EVERYTHING
    assert description["bytes"] == exported.stat().st_size
    items = exported.with_name("toy.items.txt").read_text().splitlines()
    assert items == model.catalog.ids.tolist()


def test_the_catalog_may_lie_beside(words: Retriever, tmp_path: Path) -> None:
    path = words.export(tmp_path / "q.tflite", format="litert", catalog="beside", check=False)
    check(words, path, [{"history": ["i1", "i2"]}, {"history": []}], k=12)
    runner = Interpreter(str(path)).get_signature_runner()
    assert list(runner.get_output_details()) == ["embedding"]


def test_ratings_of_the_history(own_home: Path, tmp_path: Path) -> None:
    from tests import rated

    model = Retriever(toy.encoder("{soft:2} watched {history:items rating}"), rated.rated().items)
    asked = [
        Request(history=["i1", "i5", "nobody"], history_ratings=[5.0, None, 1.0]),
        Request(history=["i2"], history_ratings=[1.0]),
        Request(history=["i2"], history_ratings=[5.0]),
        Request(history=[]),
    ]
    path = model.export(tmp_path / "rated.tflite", format="litert", k=3, calibration=asked)
    check = json.loads(path.with_suffix(".json").read_text())["check"]
    assert (check["requests"], check["same_items"]) == (4, 1.0)
