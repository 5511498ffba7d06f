"""Biased matrix factorisation as a kept library has it, to set beside models that rate.

Koren, Bell and Volinsky 2009, by cornac's `MF` (SGD). As a script it tunes on validation, fits
once more on training and validation, and looks at the test part once:

```bash
python benchmarks/matrix_factorisation.py movielens-100k
```
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import tfprompt as tp
from tfprompt.data import Requests, Sequences
from tfprompt.evaluation import judge, known_at
from tfprompt.evaluation.baselines.rated import rated_training
from tfprompt.evaluation.baselines.rating_tuning import squared_error


class MatrixFactorisation:
    """A `Predictor`: mean, biases and a product of factors, all of them from training.

    Unlike the baselines of the library it knows a user only from `train`: fit it on
    `known_at(split.test)` before you judge it on the test part. An unknown user or item has no
    bias and no factors.

    Args:
        train: with ratings; of several ratings of one user and item the first counts.
        factors: length of the factors.
        epochs: passes over the ratings.
        learning_rate: of SGD.
        penalty: of the squared biases and factors.
        like: None predicts ratings, cut to the range of training; a number predicts the
            probability that the rating is at least that, cut to [0.01, 0.99].
        seed: of the factors and the order.
    """

    name = "matrix_factorisation"

    def __init__(
        self,
        train: Sequences,
        *,
        factors: int = 32,
        epochs: int = 50,
        learning_rate: float = 0.01,
        penalty: float = 0.1,
        like: float | None = None,
        seed: int = 0,
    ) -> None:
        """Fits the model."""
        from cornac.data import Dataset
        from cornac.models import MF

        self.settings: dict[str, Any] = {
            "factors": factors,
            "epochs": epochs,
            "learning_rate": learning_rate,
            "penalty": penalty,
            "like": like,
            "seed": seed,
        }
        rated = rated_training(train, like)
        low, high = float(rated.values.min()), float(rated.values.max())
        self._range = (low, high) if like is None else (0.01, 0.99)
        columns = (rated.rows.tolist(), rated.items.tolist(), rated.values.tolist())
        known = Dataset.build(list(zip(*columns, strict=True)), seed=seed)
        model = MF(
            k=factors,
            max_iter=epochs,
            learning_rate=learning_rate,
            lambda_reg=penalty,
            use_bias=True,
            num_threads=1,  # more would race for the same factors and never repeat a result
            seed=seed,
        ).fit(known)
        self._mean = float(rated.values.mean())
        self._rows = {user: row for row, user in enumerate(train.user_ids.tolist())}
        # By our own places; whoever has no rating keeps zeros.
        self._user_bias = _spread(model.u_biases, known.uid_map, len(train))
        self._user_factors = _spread(model.u_factors, known.uid_map, len(train))
        self._item_bias = _spread(model.i_biases, known.iid_map, len(train.catalog))
        self._item_factors = _spread(model.i_factors, known.iid_map, len(train.catalog))

    def predictions(self, requests: Requests) -> np.ndarray:
        """A rating or a probability for each target, float64 [E]."""
        row = np.array([self._rows.get(user, -1) for user in requests.user_ids.tolist()])
        row = np.repeat(row, np.diff(requests.target_offsets))
        items = requests.targets
        products = np.einsum("ef,ef->e", self._user_factors[row], self._item_factors[items])
        own = np.where(row < 0, 0.0, self._user_bias[row] + products)
        return np.clip(self._mean + self._item_bias[items] + own, *self._range)


def tuned_matrix_factorisation(
    train: Sequences,
    validation: Requests,
    *,
    factors: Sequence[int] = (8, 32, 128),
    epochs: Sequence[int] = (12, 25, 50, 100),
    penalty: Sequence[float] = (0.02, 0.05, 0.07, 0.1, 0.2),
    like: float | None = None,
    seed: int = 0,
) -> MatrixFactorisation:
    """The best of a grid by the squared error on the validation part, fitted on `train`."""
    best, least = None, np.inf
    for size, passes, pull in itertools.product(factors, epochs, penalty):
        candidate = MatrixFactorisation(
            train, factors=size, epochs=passes, penalty=pull, like=like, seed=seed
        )
        error = squared_error(candidate.predictions(validation), validation, like)
        print(f"{size} factors, {passes} epochs, penalty {pull}: {error**0.5:.4f}", file=sys.stderr)
        if error < least:
            best, least = candidate, error
    assert best is not None
    return best


def _spread(values: Any, places: dict[int, int], size: int) -> np.ndarray:
    """Rows by our own places, from rows by cornac's; zeros where cornac has none."""
    table = np.zeros([size, *np.shape(values)[1:]])
    table[list(places)] = np.asarray(values)[list(places.values())]
    return table


def main(data: str, like: str | None = None) -> None:
    """Prints the judgement of both parts as JSON."""
    split = tp.data.load(data).ratio()
    threshold = None if like is None else float(like)
    tuned = tuned_matrix_factorisation(split.train, split.validation, like=threshold)
    final = MatrixFactorisation(known_at(split.test), **tuned.settings)
    parts = {
        "validation": judge(tuned, split.validation, like=threshold),
        "test, fitted on training": judge(tuned, split.test, like=threshold),
        "test, fitted on training and validation": judge(final, split.test, like=threshold),
    }
    print(json.dumps({name: part.to_dict() for name, part in parts.items()}, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
