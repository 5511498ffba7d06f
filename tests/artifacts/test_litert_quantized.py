"""Quantized files: smaller, near to the model, and honest about how near."""

from __future__ import annotations

import json
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
def files(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, Path]:
    folder = tmp_path_factory.mktemp("quantized")
    part = toy.dataset().leave_one_out().validation
    return {
        kind: model.export(
            folder / f"{kind}.tflite", format="litert", k=5, quantize=kind, calibration=part
        )
        for kind in (None, "fp16", "dynamic", "int8")
    }


def said(path: Path) -> dict:
    return json.loads(path.with_suffix(".json").read_text())


def test_quantized_files_are_smaller(files: dict[str | None, Path]) -> None:
    sizes = {kind: path.stat().st_size for kind, path in files.items()}
    assert sizes["fp16"] < sizes[None]
    assert sizes["dynamic"] < sizes["fp16"]
    assert sizes["int8"] < sizes[None]


def test_the_check_reports_how_near_the_queries_are(files: dict[str | None, Path]) -> None:
    nearness = {kind: said(path)["check"] for kind, path in files.items()}
    assert nearness[None]["cosine_min"] > 0.9999 and nearness[None]["same_items"] == 1.0
    # 11 bits of mantissa, and 8 bits of weights.
    assert nearness["fp16"]["cosine_min"] > 0.999
    assert nearness["dynamic"]["cosine_min"] > 0.98
    # Activations of 8 bits: far from exact on so wide random weights; what it is, is reported.
    assert 0 < nearness["int8"]["cosine_mean"] <= 1.0


def test_half_precision_gives_the_same_lists(
    model: Retriever, files: dict[str | None, Path]
) -> None:
    requests = [{"history": ["i1", "i4"], "k": 5}, {"history": [], "k": 5}]
    exact, half = ask(files[None], requests), ask(files["fp16"], requests)
    for ours, theirs in zip(exact, half, strict=True):
        assert [item for item, _ in ours] == [item for item, _ in theirs]
        np.testing.assert_allclose(
            [score for _, score in ours], [score for _, score in theirs], atol=5e-3
        )


@pytest.mark.parametrize("kind", ["fp16", "dynamic", "int8"])
def test_no_quantization_recommends_the_history(files: dict[str | None, Path], kind: str) -> None:
    history = ["i1", "i4", "i7", "i2"]
    (answer,) = ask(files[kind], [{"history": history, "k": 5}])
    items = [item for item, _ in answer]
    assert len(set(items)) == 5 and not set(items) & set(history)
