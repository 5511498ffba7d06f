"""The clock of the served graph against Python's own calendar."""

from __future__ import annotations

import datetime

import numpy as np
import tensorflow as tf

from tfprompt.artifacts.calendar import hour, month, weekday


def test_every_day_of_130_years() -> None:
    days = np.arange(-3650, 365 * 120, dtype=np.int64)
    stamps = days * 86_400 + (days % 24) * 3600
    moments = [
        datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(stamp)) for stamp in stamps
    ]
    for function, expected in (
        (hour, [m.hour for m in moments]),
        (weekday, [m.weekday() for m in moments]),
        (month, [m.month - 1 for m in moments]),
    ):
        assert function(tf.constant(stamps)).numpy().tolist() == expected
