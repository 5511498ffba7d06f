"""The batches of one task, pass after pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfprompt.errors import ConfigError


class TaskBatches:
    """An endless iterator: where a pass over the data ends, the next one begins.

    Args:
        make: gives the data set; it gets a function that is to be asked, once at the start of
            each pass, which pass it is.
        strategy: over whose replicas each batch is split.
        start: batches that were taken before, in earlier epochs; the passes go on from there.

    Attributes:
        count: batches of a pass.

    Raises:
        ConfigError: the data hold no batch.

    Example:
        >>> def make(which):
        ...     rows = lambda: (10 * number + row for number in [which()] for row in range(2))
        ...     data = tf.data.Dataset.from_generator(rows, output_signature=tf.TensorSpec([]))
        ...     return data.apply(tf.data.experimental.assert_cardinality(2))
        >>> batches = TaskBatches(make, tf.distribute.get_strategy(), start=1)
        >>> [int(next(batches.following())) for _ in range(4)]
        [1, 10, 11, 20]
    """

    def __init__(
        self,
        make: Callable[[Callable[[], int]], tf.data.Dataset],
        strategy: tf.distribute.Strategy,
        start: int = 0,
    ) -> None:
        self._strategy = strategy
        self._data = make(lambda: next(self._passes))
        self.count = int(self._data.cardinality())
        if self.count < 1:
            raise ConfigError(
                "A task is trained on one window or more: some user with two events. Received: none"
            )
        self.go_to(start)

    def go_to(self, start: int) -> None:
        """Stands before batch number `start`, counted over all passes."""
        number, self._taken = divmod(start, self.count)
        self._passes = itertools.count(number)
        # Made when asked for: a task that is never trained prepares no batch.
        self._iterator: Any = None

    def following(self) -> Any:
        """An iterator whose next element is the next batch; the caller takes exactly one."""
        if self._iterator is None:
            # One iterator for all passes. To drop one for the next pass can stall TensorFlow for
            # a minute (2.21, two replicas): its tuning thread sleeps through the cancellation.
            endless = self._data.repeat().skip(self._taken)
            self._iterator = iter(self._strategy.experimental_distribute_dataset(endless))
        return self._iterator
