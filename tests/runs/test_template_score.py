"""A template's score says what it depends on, and is a number or an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tfprompt.errors import ConfigError
from tfprompt.runs import RunConfig, TemplateScore


def test_other_data_under_the_same_name_is_another_score(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    events = pl.read_csv(settings["interactions"])
    path = tmp_path / "events.csv"
    about = []
    for frame in (events, events, events.head(len(events) - 20)):
        frame.write_csv(path)
        config = RunConfig(**{**settings, "interactions": str(path)})
        about.append(TemplateScore(config).about)
    assert about[0] == about[1] != about[2]
    differs = {name for name in about[0] if about[0][name] != about[2][name]}
    assert differs == {"data_fingerprint"}


def test_a_loss_without_end_is_no_score(settings: dict[str, Any]) -> None:
    config = RunConfig(**{**settings, "epochs": 1, "learning_rate": 1e30})
    with pytest.raises(ConfigError, match="finite loss"):
        TemplateScore(config)("{soft:1} {history:items}")
