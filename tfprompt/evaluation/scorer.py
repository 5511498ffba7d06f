"""What an object must offer to be evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores the whole catalog for some requests: a model or a baseline.

    `name` labels the row of a report. `scores` must not look at `requests.targets`, and need not
    exclude what the user has seen: the protocol does that for every scorer alike.

    Example:
        >>> import numpy as np
        >>> class Constant:
        ...     name = "constant"
        ...     def scores(self, requests, rows):
        ...         return np.zeros([len(rows), len(requests.catalog)], np.float32)
        >>> isinstance(Constant(), Scorer)
        True
    """

    name: str

    def scores(self, requests: Requests, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of every catalog item for the requests `rows`.

        Args:
            requests: the evaluation part.
            rows: int [B], which of its R requests, in this order.

        Returns:
            float32 [B, N]; higher is better; finite or infinite but never NaN.
        """
        ...
