"""What an object must offer to be judged on pairs of a user and an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tfprompt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tfprompt.data.requests import Requests


@runtime_checkable
class Predictor(Protocol):
    """Anything that says what a user will think of an item: a model or a baseline.

    `name` labels the row of a report. `predictions` may use all that is known at the time of a
    request (the training part, histories and their ratings), and is never shown what comes out:
    `judge` takes `target_ratings` away before it asks.

    Example:
        >>> import numpy as np
        >>> class Constant:
        ...     name = "constant"
        ...     def predictions(self, requests):
        ...         return np.full(len(requests.targets), 3.5)
        >>> isinstance(Constant(), Predictor)
        True
    """

    name: str

    def predictions(self, requests: Requests) -> NDArray[np.floating[Any]]:
        """One number for each entry of `requests.targets`, in order.

        Args:
            requests: R requests with E targets in all.

        Returns:
            float [E], finite: ratings, or probabilities that the user likes the item.
        """
        ...


def check_predictor(predictor: object) -> None:
    """Refuses what is not a `Predictor`.

    Raises:
        ConfigError: no `predictions` method or no `name`.
    """
    if not callable(getattr(predictor, "predictions", None)) or not isinstance(
        getattr(predictor, "name", None), str
    ):
        raise ConfigError(
            "What is judged must have a `name` and a method `predictions(requests)` that returns "
            "one number per target (see tfprompt.evaluation.Predictor). Received: "
            f"{type(predictor).__name__}."
        )


def checked_predictions(
    predictor: Predictor, requests: Requests, *, probabilities: bool
) -> NDArray[np.float64]:
    """Asks the predictor, and refuses an answer that cannot be measured.

    Args:
        predictor: a model or baseline.
        requests: E targets in all.
        probabilities: whether the numbers must lie between 0 and 1.

    Returns:
        float64 [E].

    Raises:
        ConfigError: a wrong shape, or numbers outside [0, 1] where probabilities are wanted.
        DataError: a number that is NaN or infinite; the message names user and item.
    """
    values = np.asarray(predictor.predictions(requests), np.float64)
    if values.shape != requests.targets.shape:
        raise ConfigError(
            f"`{predictor.name}.predictions` must return one number per target, shape "
            f"{requests.targets.shape}. Received: shape {values.shape}. Follow the order of "
            "requests.targets."
        )
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(
            f"Predictions must be finite. Received: {values[at]} from `{predictor.name}` for "
            f"{_where(requests, at)}; {np.sum(~np.isfinite(values)):,} of {len(values):,} are not "
            "finite. Look for a missing rating or an item without a vector."
        )
    if probabilities and len(values) and (values.min() < 0 or values.max() > 1):
        at = int(np.argmax(np.abs(values - 0.5)))
        raise ConfigError(
            f"With `like`, predictions are probabilities from 0 to 1. Received: {values[at]:.6g} "
            f"from `{predictor.name}` for {_where(requests, at)}. Leave `like` out for a model of "
            "ratings, or build the model for likes."
        )
    return values


def _where(requests: Requests, at: int) -> str:
    row = int(np.searchsorted(requests.target_offsets, at, side="right")) - 1
    item = requests.catalog.ids[requests.targets[at]]
    return f"target {at} (user '{requests.user_ids[row]}', item '{item}')"
