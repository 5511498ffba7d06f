"""The exported artifact answers as the model does, in a process that knows nothing of tfprompt."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfprompt as tp
from tests import toy
from tfprompt.errors import ExportError
from tfprompt.models.retriever import Retriever

# What a server has: TensorFlow, TensorFlow Text, and the files.
# What no template asks for is filled in: as many items as there are, none excluded.
CLIENT = textwrap.dedent(
    """
    import json, sys
    import tensorflow as tf
    import tensorflow_text
    assert not [name for name in sys.modules if name.startswith(("tfprompt", "keras_hub"))]
    directory, requests, name = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    signature = tf.saved_model.load(directory).signatures[name]
    types = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}
    batch = len(next(iter(requests.values())))
    silent = {"k": [0] * batch, "exclude": [[""]] * batch, "prompt": [""] * batch}
    requests = {**{n: v for n, v in silent.items() if n in types}, **requests}
    answers = signature(**{name: tf.constant(v, types[name]) for name, v in requests.items()})
    def plain(values):
        return [[i.decode() for i in row] for row in values] if values.dtype == object else (
            values.tolist())
    print(json.dumps({
        **{name: plain(value.numpy()) for name, value in answers.items()},
        "inputs": sorted(types),
    }))
    """
)


# Inputs of every artifact that recommends.
ALWAYS = ("exclude", "k", "prompt")


def ask(
    directory: Path, requests: dict[str, Any], signature: str = "serving_default"
) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-c", CLIENT, str(directory), json.dumps(requests), signature],
        capture_output=True, text=True, cwd=directory, timeout=300,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr[-2000:]
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    """A model with every kind of segment, away from its initial values."""
    model = toy.retriever(
        "{soft:2} user {age} {occupation} {occupation:feature} {age:feature} {hour:feature} "
        "watched {history:items}",
        collaborative=4,
    )
    return toy.moved(model, by=0.1)


@pytest.fixture(scope="module")
def exported(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.export(tmp_path_factory.mktemp("models") / "toy" / "1", k=20, check=False)


def test_answers_equal_keras(model: Retriever, exported: Path) -> None:
    profiles: list[dict[str, Any]] = [
        {"age": 24, "occupation": "artist", "hour": 1},
        {"age": 31, "occupation": "student", "hour": 13},
        {"age": 27, "occupation": "unheard of", "hour": 23},
        {"age": 24, "occupation": "", "hour": 0},
        {"age": None, "occupation": "artist", "hour": 5},
        {"age": 22, "occupation": "student", "hour": 7},
    ]
    # A plain history; a wish alone; both, with an id that nobody knows; more than fits.
    # As many items as the model takes, and more, with a wish and without.
    most = model.encoder.max_history
    histories = [["i3", "i0"], [], ["i5", "nobody", "i1"], [f"i{i}" for i in range(9)],
                 [f"i{i}" for i in range(most)], [f"i{i}" for i in range(most + 2)]]  # fmt: skip
    wishes = ["", "Star WARS at night", "a love drama", "red queen", "", ""]
    longest = max(map(len, histories))
    answer = ask(
        exported,
        {
            # Padding stands anywhere: a client may pad left or right.
            "history": [[""] * (longest - len(h)) + h for h in histories],
            "wish": wishes,
            "age": ["" if p["age"] is None else str(p["age"]) for p in profiles],
            "occupation": [p["occupation"] for p in profiles],
            "timestamp": [p["hour"] * 3600 + 86_400 * 365 for p in profiles],
        },
    )
    of_template = ("history", "wish", "age", "occupation", "timestamp")
    assert answer["inputs"] == sorted([*of_template, *ALWAYS])
    for row, (profile, history, wish) in enumerate(zip(profiles, histories, wishes, strict=True)):
        expected = tp.recommend(model, history=history, wish=wish, profile=profile, k=20)
        count = len(expected)
        assert answer["item_ids"][row][:count] == [item.item_id for item in expected]
        np.testing.assert_allclose(
            answer["scores"][row][:count], [item.score for item in expected], atol=1e-5
        )
        # Fewer items than k are left: the rest is empty, and never an item of the history.
        assert set(answer["item_ids"][row][count:]) <= {""}
        assert not set(history) & set(answer["item_ids"][row])


def test_template_of_words_takes_a_history_and_a_wish_only(own_home: Path, tmp_path: Path) -> None:
    model = toy.retriever("{soft:2} watched {history:items} {mask}", encoder={"deep": True})
    directory = model.export(tmp_path / "1", k=3, check=False)
    answer = ask(directory, {"history": [["i1", "i2"], ["", ""]], "wish": ["", ""]})
    assert answer["inputs"] == sorted(["history", "wish", *ALWAYS])
    assert answer["item_ids"][0] == [
        item.item_id for item in tp.recommend(model, history=["i1", "i2"], k=3)
    ]
    assert np.isfinite(answer["scores"]).all()


def test_a_version_is_never_overwritten(model: Retriever, exported: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in exported.rglob("*")}
    with pytest.raises(ExportError, match="never overwritten"):
        model.export(exported)
    assert before == {path: path.stat().st_mtime_ns for path in exported.rglob("*")}


def test_a_failed_export_leaves_nothing(
    model: Retriever, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    def half(module: Any, directory: str, signatures: Any) -> None:
        Path(directory).mkdir()
        (Path(directory) / "saved_model.pb").write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(tf.saved_model, "save", half)
    with pytest.raises(OSError, match="no space"):
        model.export(tmp_path / "toy" / "1")
    assert list((tmp_path / "toy").iterdir()) == []


def test_k_below_one_is_refused(model: Retriever, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="k is 1 or more"):
        model.export(tmp_path / "1", k=0)
