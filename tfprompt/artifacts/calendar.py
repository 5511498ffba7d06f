"""Hour, weekday and month of a timestamp in graph operations (UTC)."""

from __future__ import annotations

import tensorflow as tf

_HOUR_S, _DAY_S = 3600, 86400


def hour(timestamp: tf.Tensor) -> tf.Tensor:
    """Hour of the day, 0-23: int64 seconds `[B]` to int32 `[B]`."""
    return tf.cast(tf.math.floormod(timestamp // _HOUR_S, 24), tf.int32)


def weekday(timestamp: tf.Tensor) -> tf.Tensor:
    """Day of the week, 0 = Monday: int64 seconds `[B]` to int32 `[B]`."""
    # 1970-01-01 was a Thursday.
    return tf.cast(tf.math.floormod(timestamp // _DAY_S + 3, 7), tf.int32)


def month(timestamp: tf.Tensor) -> tf.Tensor:
    """Month, 0 = January: int64 seconds `[B]` to int32 `[B]`.

    Counts days from the 1st of March of a 400-year era, so that the leap day comes last.

    Source: Hinnant, 2013, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    """
    days = timestamp // _DAY_S + 719_468
    day_of_era = tf.math.floormod(days, 146_097)
    leaps = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    start_of_year = 365 * year_of_era + year_of_era // 4 - year_of_era // 100
    since_march = (5 * (day_of_era - start_of_year) + 2) // 153
    return tf.cast(tf.math.floormod(since_march + 2, 12), tf.int32)


CALENDAR = {"hour": hour, "weekday": weekday, "month": month}
