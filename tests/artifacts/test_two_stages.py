"""One SavedModel of two stages answers as the Python model does, in a clean process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import tfprompt as tp
from tests.artifacts.test_saved_model import ALWAYS, ask
from tests.shop import recommender, shop


@pytest.mark.parametrize(
    "options",
    [
        {"diversity": 0.3, "caps": 2, "freshness": 0.2, "half_life": 5.0, "blend": 0.6},
        pytest.param({"cross": True, "blend": 0.5}, marks=pytest.mark.slow),
    ],
)
def test_answers_equal_python(options: dict[str, Any], own_home: Path, tmp_path: Path) -> None:
    model = recommender(**options)
    # Checked as an export is by default, and once is enough.
    directory = model.export(tmp_path / "shop" / "1", check="cross" in options)
    histories = [["i3", "i0"], [], ["i5", "nobody", "i1"], [f"i{i}" for i in range(8)]]
    ratings = [[5.0, 1.0], [], [2.0, 4.0, float("nan")], [3.0] * 8]
    wishes = ["", "star wars at night", "a love drama", ""]
    longest = max(map(len, histories))
    requests: dict[str, Any] = {
        "history": [[""] * (longest - len(h)) + h for h in histories],
        "history_ratings": [[float("nan")] * (longest - len(r)) + r for r in ratings],
        "wish": wishes,
        "age": ["24", "31", "", "20"],
    }
    if not options.get("cross"):
        requests["occupation"] = ["artist", "student", "", "unheard of"]
    answer = ask(directory, requests)
    assert answer["inputs"] == sorted([*requests, *ALWAYS])
    for row, history in enumerate(histories):
        profile = {"age": requests["age"][row] or None}
        if "occupation" in requests:
            profile["occupation"] = requests["occupation"][row] or None
        rated = [None if np.isnan(r) else r for r in ratings[row]]
        request = tp.data.Request(
            history=history, history_ratings=rated, wish=wishes[row], profile=profile
        )
        expected = model.recommend(request, k=6)
        count = len(expected)
        assert answer["item_ids"][row][:count] == [item.item_id for item in expected]
        assert set(answer["item_ids"][row][count:]) <= {""}
        # Standardising divides float32 rounding by the spread of the scores.
        np.testing.assert_allclose(
            answer["scores"][row][:count], [item.score for item in expected], atol=1e-4
        )
    assert len(shop().items) == 24
    # Both stages hold one frozen network, and so does the artifact.
    words = model.retriever.encoder.loaded.backbone.token_embedding.embeddings.shape
    written = tf.train.list_variables(str(directory / "variables" / "variables"))
    assert [tuple(shape) for _, shape in written].count(tuple(words)) == 1
