"""Quantized files: smaller, near to the model, and honest about how near."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import toy
from tests.artifacts.device import ask
from tfprompt.models.retriever import Retriever


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    return toy.retriever("{soft:2} watched {history:items}", collaborative=4)


@pytest.fixture(scope="module")
def file(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A file of a kind, made when it is asked for first."""
    folder = tmp_path_factory.mktemp("quantized")
    part = toy.dataset().leave_one_out().validation

    @functools.cache
    def made(kind: str | None) -> Path:
        return model.export(
            folder / f"{kind}.tflite", format="litert", k=5, quantize=kind, calibration=part
        )

    return made


def said(path: Path) -> dict:
    return json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize(
    ("kind", "nearness"),
    [
        # 8 bits of weights, and 11 of mantissa.
        ("dynamic", 0.98),
        pytest.param("fp16", 0.999, marks=pytest.mark.slow),
        # Activations of 8 bits: far from exact on so wide random weights; what it is, is reported.
        pytest.param("int8", -1.0, marks=pytest.mark.slow),
    ],
)
def test_a_quantized_file_is_smaller_and_says_how_near_it_is(
    file: Callable[..., Path], kind: str, nearness: float
) -> None:
    assert file(kind).stat().st_size < file(None).stat().st_size
    exact, found = said(file(None))["check"], said(file(kind))["check"]
    assert exact["cosine_min"] > 0.9999 and exact["same_items"] == 1.0
    assert found["cosine_min"] > nearness and 0 < found["cosine_mean"] <= 1.0


@pytest.mark.slow
def test_eight_bits_are_smaller_than_sixteen(file: Callable[..., Path]) -> None:
    assert file("dynamic").stat().st_size < file("fp16").stat().st_size


@pytest.mark.slow
def test_half_precision_gives_the_same_lists(file: Callable[..., Path]) -> None:
    requests = [{"history": ["i1", "i4"], "k": 5}, {"history": [], "k": 5}]
    exact, half = ask(file(None), requests), ask(file("fp16"), requests)
    for ours, theirs in zip(exact, half, strict=True):
        assert [item for item, _ in ours] == [item for item, _ in theirs]
        np.testing.assert_allclose(
            [score for _, score in ours], [score for _, score in theirs], atol=5e-3
        )


@pytest.mark.parametrize(
    "kind", ["dynamic", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("fp16", "int8"))]
)
def test_no_quantization_recommends_the_history(file: Callable[..., Path], kind: str) -> None:
    history = ["i1", "i4", "i7", "i2"]
    (answer,) = ask(file(kind), [{"history": history, "k": 5}])
    items = [item for item, _ in answer]
    assert len(set(items)) == 5 and not set(items) & set(history)
