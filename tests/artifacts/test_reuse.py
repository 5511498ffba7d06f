"""A served version takes another catalog, or other prompts, without the model that made it."""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from tests import toy
from tests.cli.conftest import cli
from tfprompt.artifacts import read_card, reuse_artifact
from tfprompt.data import read_items
from tfprompt.errors import ExportError
from tfprompt.models.retriever import Retriever

TEMPLATE = "{soft:2} watched {history:items}"


@pytest.fixture(scope="module")
def model(own_home: Path) -> Retriever:
    return toy.moved(toy.retriever(TEMPLATE, collaborative=4), by=0.1)


@pytest.fixture(scope="module")
def version(model: Retriever, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("models") / "toy"
    return model.export(base / "7", k=20, titles=True, check=False)


def new_items() -> pl.DataFrame:
    """Four of the old items in another order, and two that nobody knows yet."""
    return pl.DataFrame(
        {
            "sku": ["i5", "new1", "i0", "i3", "i1", "new2"],
            "title": [*(toy.TITLES[5], "red night", toy.TITLES[0]), toy.TITLES[3],
                      toy.TITLES[1], "blue war"],
        }
    )  # fmt: skip


@functools.cache
def load(directory: Path) -> Any:
    """A version, which never changes."""
    return tf.saved_model.load(str(directory))


def contents(version: Path) -> dict[str, str]:
    return {
        str(path.relative_to(version)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in version.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def with_new_items(version: Path) -> Any:
    items = read_items(new_items(), item_text="{title}", columns={"item_id": "sku"})
    before = contents(version)
    made = reuse_artifact(version, version.parent / "8", items=items, check=False)
    assert contents(version) == before, "the version before must stay whole"
    return made


def recommend(directory: Path, history: list[str], **others: Any) -> dict[str, np.ndarray]:
    request: dict[str, Any] = {
        "history": [history], "wish": [""], "prompt": [""], "k": [0], "exclude": [[""]], **others,
    }  # fmt: skip
    answer = load(directory).signatures["recommend"](
        **{n: tf.constant(v) for n, v in request.items()}
    )
    return {name: value.numpy()[0] for name, value in answer.items()}


def scores_by_id(answer: dict[str, np.ndarray]) -> dict[str, float]:
    pairs = zip(answer["item_ids"], answer["scores"], strict=True)
    return {item.decode(): float(score) for item, score in pairs if item}


def test_another_catalog(version: Path, with_new_items: Any) -> None:
    made = with_new_items
    old, new = recommend(version, ["i3"]), recommend(made.directory, ["i3"])
    before, after = scores_by_id(old), scores_by_id(new)
    assert set(after) == {"i5", "new1", "i0", "i1", "new2"}
    for item in ("i5", "i0", "i1"):
        assert after[item] == pytest.approx(before[item], abs=1e-5)
    # A new item scores as its text alone makes it, read by the old version.
    loaded = load(version).signatures
    text = loaded["encode_item"](text=tf.constant(["red night"]), item_id=tf.constant([""]))
    query = loaded["encode_query"](
        history=tf.constant([["i3"]]), wish=tf.constant([""]), prompt=tf.constant([""])
    )
    product = float(tf.reduce_sum(text["embedding"] * query["embedding"]))
    assert after["new1"] == pytest.approx(product, abs=1e-5)
    # A history of new items is understood; one of items that are gone is skipped.
    assert "new1" not in scores_by_id(recommend(made.directory, ["new1"]))
    gone = scores_by_id(recommend(made.directory, ["i9"]))
    assert gone == pytest.approx(scores_by_id(recommend(made.directory, [""])))
    titles = dict(zip(new["item_ids"], new["titles"], strict=True))
    assert titles[b"new2"] == b"blue war"


def test_the_frozen_network_is_shared(version: Path, with_new_items: Any) -> None:
    made = with_new_items
    shared = ("variables/variables.data-00000-of-00002", "saved_model.pb")
    for name in shared:
        assert (made.directory / name).stat().st_ino == (version / name).stat().st_ino
    assert made.shared_bytes >= sum((version / name).stat().st_size for name in shared)
    assert made.shared_bytes < made.size_bytes and made.new_items == 2
    card = read_card(made.directory)
    assert card["catalog"]["items"] == 6 and card["made_from"]["version"] == "7"


def test_other_prompts(model: Retriever, version: Path, tmp_path: Path) -> None:
    layer = model.encoder.soft_prompts[0]
    kept = np.array(layer.prompt)
    layer.prompt.assign(-3 * kept)
    model.save_prompts(tmp_path / "de")
    layer.prompt.assign(kept)
    before = contents(version)
    made = reuse_artifact(version, version.parent / "10", prompts={"de": tmp_path / "de"})
    assert contents(version) == before, "the version before must stay whole"
    own, other = recommend(made.directory, ["i3"]), recommend(made.directory, ["i3"], prompt=["de"])
    assert scores_by_id(own) == pytest.approx(scores_by_id(recommend(version, ["i3"])))
    assert np.abs(own["scores"] - other["scores"]).max() > 1e-3
    replaced = reuse_artifact(
        version, version.parent / "11", prompts={"default": tmp_path / "de"}, check=False
    )
    assert scores_by_id(recommend(replaced.directory, ["i3"])) == pytest.approx(scores_by_id(other))
    assert read_card(made.directory)["prompts"] == ["default", "de"]


def test_refusals(version: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Received: neither"):
        reuse_artifact(version, tmp_path / "1")
    with pytest.raises(ExportError, match="never overwritten"):
        reuse_artifact(version, version, prompts={"x": tmp_path})
    with pytest.raises(ExportError, match="has none"):
        reuse_artifact(tmp_path, tmp_path / "1", prompts={"x": tmp_path})


def test_the_command(version: Path, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "new.parquet"
    new_items().write_parquet(file)
    target = version.parent / "20"
    done = cli(
        capsys, "export", target, "--reuse", version, "--items", file, "--column", "item_id=sku",
        "--no-check", "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    made = json.loads(done.out)
    assert made["directory"] == str(target) and made["new_items"] == 2
    assert 0 < made["shared_bytes"] < made["size_bytes"]
    wrong = cli(capsys, "export", "--reuse", version, "--items", file)
    assert wrong.status == 2 and "item_id" in wrong.err


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_that_a_server_would_load(
    version: Path, tmp_path: Path
) -> None:
    """Killed with a version half written: nothing has an integer for a name."""
    code = (
        "import os, signal, sys\n"
        "import tfprompt.artifacts.reuse as reuse\n"
        "from tfprompt.data import read_items\n"
        "import polars as pl\n"
        "reuse.write_card = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "items = read_items(pl.read_parquet(sys.argv[3]), item_text='{title}',\n"
        "                   columns={'item_id': 'sku'})\n"
        "reuse.reuse_artifact(sys.argv[1], sys.argv[2], items=items)\n"
    )
    new_items().write_parquet(tmp_path / "new.parquet")
    target = tmp_path / "toy" / "1"
    done = subprocess.run(
        [sys.executable, "-c", code, str(version), str(target), str(tmp_path / "new.parquet")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr[-1000:]
    left = [path.name for path in target.parent.iterdir()]
    assert left and not [name for name in left if name.isdecimal()]
