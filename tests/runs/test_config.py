"""The configuration: what it accepts, what it refuses, and that it survives being written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfprompt.errors import ConfigError
from tfprompt.runs import RunConfig
from tfprompt.runs.config import COLLABORATIVE, RECIPES, TEMPLATE


def test_defaults_survive_json() -> None:
    config = RunConfig(data="movielens-100k", columns={}, model_options={"negatives": {"hard": 5}})
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, r"epochs must be 1 or more. Received: epochs=0"),
        ({"epochs": 1.5}, "epochs must be a whole number. Received: epochs=1.5"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"temperature": 0}, "temperature must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number"),
        ({"dropout": 1.0}, "dropout must be below 1"),
        ({"split": "random"}, "split must be one of 'leave-one-out', 'temporal'.*'random'"),
        ({"read_out": "first"}, "read_out must be one of 'last', 'mask', 'mean' or none"),
        ({"columns": ["a"]}, "columns must be a mapping"),
        ({"strategy": "many"}, "strategy must be one of"),
        ({"data": "movielens-100k", "interactions": "a.csv"}, "not on both"),
        ({"data": "movielens-100k", "min_rating": 4.0}, "min_rating needs interactions="),
    ],
)
def test_what_breaks_a_rule(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RunConfig(**values)


def test_an_unknown_key_gets_a_hint() -> None:
    with pytest.raises(ConfigError, match="Received: 'epoch'. Did you mean 'epochs'"):
        RunConfig.from_dict({"epoch": 3})


def test_files(tmp_path: Path) -> None:
    toml, text = tmp_path / "a.toml", tmp_path / "a.json"
    toml.write_text('data = "movielens-100k"\nepochs = 3\n[columns]\n')
    text.write_text('{"data": "movielens-100k", "epochs": 3, "columns": {}}')
    assert RunConfig.read(toml) == RunConfig.read(text)
    broken = tmp_path / "b.toml"
    broken.write_text("epochs = = 3")
    for path in (broken, tmp_path / "missing.toml"):
        with pytest.raises(ConfigError, match=f"readable TOML or JSON.*{path.name}"):
            RunConfig.read(path)
    listed = tmp_path / "c.json"
    listed.write_text("[1]")
    with pytest.raises(ConfigError, match="holds an object"):
        RunConfig.read(listed)


def test_recipe_fills_in_but_does_not_override() -> None:
    recipe = RECIPES["movielens-100k"]["collaborative"]
    assert recipe != COLLABORATIVE
    assert RunConfig(data="movielens-100k").resolved().collaborative == recipe
    assert RunConfig(data="movielens-100k", collaborative=0).resolved().collaborative == 0
    assert RunConfig(interactions="a.csv").resolved().collaborative == COLLABORATIVE
    own = RunConfig(data="movielens-100k", template="{soft:1} {history:items}").resolved()
    assert own.template == "{soft:1} {history:items}"
    assert RunConfig(interactions="a.csv").resolved().template == TEMPLATE


def test_paths_mean_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    resolved = RunConfig(interactions="a.csv").resolved()
    assert resolved.interactions == str(tmp_path / "a.csv")
    assert resolved.resolved() == resolved


def test_differences_leave_out_where_it_runs() -> None:
    one = RunConfig(interactions="a.csv")
    assert one.differences(RunConfig(interactions="a.csv", strategy="one", tensorboard=True)) == {}
    assert one.differences(RunConfig(interactions="a.csv", seed=1)) == {"seed": (0, 1)}
