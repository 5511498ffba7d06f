"""HR, recall, NDCG and MRR of each request from the ranks of its targets; coverage of lists.

Every measure is kept per request, `[R]`, so that intervals and paired differences need no second
pass over the model. NDCG: Järvelin and Kekäläinen 2002, binary gain, discount log2(1 + rank).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError, DataError
from tfprompt.evaluation._flat import Ints

Floats = NDArray[np.float64]


def hr_at(ranks: Ints, offsets: Ints, k: int) -> Floats:
    """Hit rate: 1 where any target of the request is among the first k, else 0.

    Args:
        ranks: int [E], 1-based ranks of the targets, request after request.
        offsets: int [R+1], the ranks of request r are `ranks[offsets[r]:offsets[r + 1]]`.
        k: length of the list.

    Returns:
        float64 [R].

    Raises:
        DataError: a request without targets.

    Example:
        >>> import numpy as np
        >>> hr_at(np.array([1, 7, 6]), np.array([0, 2, 3]), 5).tolist()
        [1.0, 0.0]
    """
    return (_reduce(np.minimum, ranks, offsets) <= k).astype(np.float64)


def recall_at(ranks: Ints, offsets: Ints, k: int) -> Floats:
    """Recall: the share of the request's targets among the first k.

    The denominator is the number of targets, also where that exceeds k. Args, shapes and Raises
    as for `hr_at`; with one target per request the two are equal.

    Example:
        >>> import numpy as np
        >>> recall_at(np.array([1, 7, 6]), np.array([0, 2, 3]), 5).tolist()
        [0.5, 0.0]
    """
    return _reduce(np.add, (np.asarray(ranks) <= k).astype(np.float64), offsets) / np.diff(offsets)


def ndcg_at(ranks: Ints, offsets: Ints, k: int) -> Floats:
    """NDCG with binary relevance; the ideal list holds min(k, targets) targets.

    Args, shapes and Raises as for `hr_at`.

    Example:
        >>> import numpy as np
        >>> ndcg_at(np.array([3]), np.array([0, 1]), 5).tolist()
        [0.5]
    """
    gains = np.where(np.asarray(ranks) <= k, 1.0 / np.log2(1.0 + np.asarray(ranks)), 0.0)
    ideal = np.cumsum(1.0 / np.log2(2.0 + np.arange(k)))
    ndcg: Floats = _reduce(np.add, gains, offsets) / ideal[np.minimum(np.diff(offsets), k) - 1]
    return ndcg


def mrr(ranks: Ints, offsets: Ints) -> Floats:
    """Reciprocal rank of the request's best target, over the whole list (no cut at k).

    Args, shapes and Raises as for `hr_at`.

    Example:
        >>> import numpy as np
        >>> mrr(np.array([8, 4]), np.array([0, 2])).tolist()
        [0.25]
    """
    return 1.0 / _reduce(np.minimum, ranks, offsets)


def coverage_at(lists: NDArray[np.int32], k: int, n_items: int) -> float:
    """Share of the catalog that occurs in at least one of the lists.

    Args:
        lists: int [R, K], K >= k, catalog indexes, best first, -1 = nothing.
        k: how much of each list counts.
        n_items: N.

    Returns:
        A number from 0 to 1.

    Example:
        >>> import numpy as np
        >>> coverage_at(np.array([[0, 1], [0, 2]]), 1, 4)
        0.25
    """
    shown = np.unique(lists[:, :k])
    return float(np.count_nonzero(shown >= 0)) / n_items


def per_request(ranks: Ints, offsets: Ints, k: Iterable[int]) -> dict[str, Floats]:
    """All measures at every k: `hr@5`, `recall@5`, `ndcg@5`, …, and `mrr`, each float64 [R].

    Args, shapes and Raises as for `hr_at`, with several k.

    Example:
        >>> import numpy as np
        >>> list(per_request(np.array([3]), np.array([0, 1]), [10]))
        ['hr@10', 'recall@10', 'ndcg@10', 'mrr']
    """
    measures: dict[str, Callable[[Ints, Ints, int], Floats]] = {
        "hr": hr_at,
        "recall": recall_at,
        "ndcg": ndcg_at,
    }
    values = {
        f"{name}@{cut}": measure(ranks, offsets, cut)
        for cut in k
        for name, measure in measures.items()
    }
    return {**values, "mrr": mrr(ranks, offsets)}


def check_k(k: int | Iterable[int]) -> tuple[int, ...]:
    """The list lengths as a rising tuple.

    Raises:
        ConfigError: no length, or one that is not a positive whole number.
    """
    lengths = [k] if isinstance(k, (int, np.integer)) else list(k)
    if not lengths or any(
        isinstance(cut, bool) or not isinstance(cut, (int, np.integer)) or cut < 1
        for cut in lengths
    ):
        raise ConfigError(
            f"`k` must hold positive whole numbers. Received: {k!r}. Pass for example k=(5, 10)."
        )
    return tuple(sorted({int(cut) for cut in lengths}))


def _reduce(function: np.ufunc, values: NDArray[Any], offsets: Ints) -> Floats:
    """Reduces each request's values, [E] → float64 [R]."""
    if (np.diff(offsets) < 1).any():
        row = int((np.diff(offsets) < 1).argmax())
        raise DataError(
            f"Every request needs at least one target. Received: none in request {row}. Drop "
            "such requests from the split."
        )
    if len(offsets) < 2:
        return np.zeros(0)
    result: Floats = function.reduceat(np.asarray(values, np.float64), offsets[:-1])
    return result
