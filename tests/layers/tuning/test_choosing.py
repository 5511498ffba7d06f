"""How a tuning is written, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.layers.tuning.by_hand import tuned_layers
from tests.toy import backbone, dataset, encoder
from tfprompt import _tuning_names
from tfprompt.errors import BackboneError, ConfigError
from tfprompt.layers.tuning import Adapter, Lora, TunedLayers, chosen
from tfprompt.layers.tuning.choosing import METHODS
from tfprompt.runs import RunConfig, building


def described(tuning: Any) -> Any:
    return TunedLayers(chosen(tuning)).options()


def test_names_numbers_objects_and_lists() -> None:
    lora = {"method": "lora", "rank": 8, "alpha": 8.0, "targets": ["query", "value"]}
    assert described("lora") == [lora]
    assert described("lora:4") == [{**lora, "rank": 4, "alpha": 4.0}]
    assert described([Adapter(3), "ia3, layer_norm"]) == [
        {"method": "adapter", "width": 3},
        {"method": "ia3"},
        {"method": "layer_norm", "speed": 1.0},
    ]
    own = Lora(2, 6, targets=["output", "query"], seed=5, name="outer")
    assert described(own) == [
        {"method": "lora", "name": "outer", "seed": 5, "rank": 2, "alpha": 6.0,
         "targets": ["query", "output"]}
    ]  # fmt: skip
    assert described(None) is None and described([]) is None


@pytest.mark.parametrize("method", METHODS)
def test_options_describe_the_method_whole(method: str) -> None:
    options = json.loads(json.dumps(described(method)))
    assert described(options) == options == described(method)
    # In the constructor's own words.
    (made,) = chosen(options)
    assert type(made).from_config(made.get_config()).options() == made.options()


def test_the_names_are_those_of_the_methods() -> None:
    assert list(_tuning_names.NAMES) == list(METHODS)
    for name, number in _tuning_names.NAMES.items():
        (made,) = chosen(name)
        assert number is None or made.options()[number[0]] == number[1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("laura", "is one of lora, adalora.*Received: 'laura'"),
        ("lora:", "is its rank, 1 or more, as in 'lora:8'. Received: 'lora:'"),
        ("adapter:0", "is its width"),
        ("lora:2.5", "is its rank"),
        ("ia3:2", "takes no number"),
        ("lora,", "is one of"),
        (3, "a name such as 'lora:8'"),
        ({"rank": 2}, "has a method of"),
        ({"method": "lora", "ranks": 2}, "does not take these arguments"),
        (["lora:2", "lora:3"], "different names. Received: lora, lora"),
    ],
)
def test_what_is_no_tuning_is_refused(wrong: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TunedLayers(chosen(wrong))


def test_options_out_of_range_are_refused() -> None:
    for make in (
        lambda: Lora(0), lambda: Lora(2, alpha=0), lambda: Lora(2, targets=()),
        lambda: Lora(2, targets=("queries",)), lambda: Adapter(0),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="Received"):
            make()


def test_two_that_train_the_same_are_refused() -> None:
    with pytest.raises(ConfigError, match="bitfit and layer_norm, which both train layer_1_.*beta"):
        tuned_layers("bitfit,layer_norm")
    tuned_layers("lora:2,adalora:2,full,ia3,adapter:2")


def test_a_missing_target_is_refused() -> None:
    with pytest.raises(BackboneError, match="targets gate for a backbone with query, key"):
        tuned_layers(Lora(2, targets=("gate",)))
    tuned_layers(Lora(2, targets=("gate",)), "llama")


def test_a_tuning_has_one_encoder() -> None:
    own = Lora(2)
    encoder(tuning=own).build()
    with pytest.raises(ConfigError, match="belongs to one encoder"):
        encoder(tuning=own).build()


def test_a_run_is_refused_before_anything_is_loaded() -> None:
    assert RunConfig(data="movielens-100k", tuning="lora:4,layer_norm").tuning
    with pytest.raises(ConfigError, match="'laura'"):
        RunConfig(data="movielens-100k", tuning="laura")


def test_a_run_passes_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_backbone", lambda name: backbone("bert"))
    config = RunConfig(data="movielens-100k", template="{soft:1} {history:items}", tuning="ia3")
    model = building.build_model(config.resolved(), dataset().items)
    assert model.encoder.options()["tuning"] == [{"method": "ia3"}]
