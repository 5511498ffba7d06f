"""A baseline whose parameters were chosen with the same care as the model's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfprompt.errors import ConfigError
from tfprompt.evaluation.baselines.item_knn import ItemKNN
from tfprompt.evaluation.measures import ndcg_at
from tfprompt.evaluation.scoring import rank_requests

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests
    from tfprompt.data.sequences import Sequences


def tuned_item_knn(
    train: Sequences,
    validation: Requests,
    *,
    neighbours: Sequence[int] = (20, 100, 400),
    shrinkage: Sequence[float] = (0.0, 10.0, 100.0),
    decay: Sequence[float] = (1.0, 0.8, 0.6, 0.4),
    k: int = 10,
    requests: int = 5000,
    seed: int = 0,
) -> ItemKNN:
    """Chooses `ItemKNN`'s parameters by NDCG@k on the validation part; never on the test part.

    Every combination is tried on the same sample of requests; among equal ones the first in the
    order given wins. The fit is repeated per shrinkage only.

    Args:
        train: the training part.
        validation: the validation part, and nothing else.
        neighbours: values to try.
        shrinkage: values to try.
        decay: values to try.
        k: list length of the NDCG.
        requests: size of the sample; all requests where there are fewer.
        seed: of the sample.

    Returns:
        The best one, fitted on `train`.

    Raises:
        ConfigError: nothing to try, or a value out of its range.
        DataError: `validation` has no request.

    Example:
        ```python
        knn = tuned_item_knn(split.train, split.validation)
        evaluate(model, split.test, baselines=[knn])
        ```
    """
    if not (neighbours and shrinkage and decay) or requests < 1:
        raise ConfigError(
            "tuned_item_knn needs at least one value of each parameter and one request. Received: "
            f"neighbours={tuple(neighbours)}, shrinkage={tuple(shrinkage)}, decay={tuple(decay)}, "
            f"requests={requests}."
        )
    rows = np.arange(len(validation.user_ids))
    if len(rows) > requests:
        rows = np.sort(np.random.default_rng(seed).choice(rows, requests, replace=False))
    best, best_ndcg = None, -1.0
    for shrink in shrinkage:
        fitted = ItemKNN(train, neighbours=max(neighbours), shrinkage=shrink)
        for near in neighbours:
            for each in decay:
                candidate = fitted.with_settings(neighbours=near, decay=each)
                ranked = rank_requests(candidate, validation, rows=rows, k=k)
                ndcg = float(ndcg_at(ranked.ranks, ranked.offsets, k).mean())
                if ndcg > best_ndcg:
                    best, best_ndcg = candidate, ndcg
    assert best is not None  # NDCG is at least 0 and the grid is not empty
    return best
