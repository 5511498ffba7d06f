"""Training on one device or on several, with the same result."""

from __future__ import annotations

import functools
from typing import Any, Literal

import tensorflow as tf

from tfprompt.errors import ConfigError


def strategy(kind: Literal["auto", "one", "mirrored"] = "auto") -> tf.distribute.Strategy:
    """The `tf.distribute` strategy for this machine.

    Create model and optimizer in its scope. The global batch is split over the replicas; losses,
    gradients and metrics equal those of one replica on the whole batch.

    Args:
        kind: "auto" mirrors over all GPUs where there are two or more, else over all logical
            CPUs where there are two or more, else takes the one device; "one" and "mirrored"
            insist.

    Returns:
        `OneDeviceStrategy` or `MirroredStrategy`.

    Raises:
        ConfigError: an unknown kind, or "mirrored" with fewer than two devices.

    Example:
        with tp.training.strategy("auto").scope():
            model = tp.Retriever(encoder, data.items)
            model.compile()
    """
    if kind not in ("auto", "one", "mirrored"):
        raise ConfigError(f"A strategy is 'auto', 'one' or 'mirrored'. Received: {kind!r}.")
    devices = [device.name for device in tf.config.list_logical_devices("GPU")]
    devices = devices or [device.name for device in tf.config.list_logical_devices("CPU")]
    if kind == "one" or (kind == "auto" and len(devices) < 2):
        return tf.distribute.OneDeviceStrategy(devices[0])
    if len(devices) < 2:
        raise ConfigError(
            f"A mirrored strategy needs two devices or more. Received: {', '.join(devices)}."
        )
    return _mirrored(tuple(devices))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    # Once a process: TensorFlow numbers the collectives of each strategy from the same start, and
    # a second strategy's are refused where their shapes differ from the first one's.
    return tf.distribute.MirroredStrategy(devices)


def replicas() -> int:
    """Number of replicas of the step that is being traced."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context is not None else 1


def total_over_replicas(value: Any) -> Any:
    """Sum of a scalar over all replicas, at least 1.

    A loss divided by it is this replica's share of the global mean, whatever the number of
    targets on each replica: summing the gradients then gives the gradient of that mean.
    """
    if replicas() > 1:
        context = tf.distribute.get_replica_context()
        value = context.all_reduce(tf.distribute.ReduceOp.SUM, value)
    return tf.maximum(value, 1.0)


def total_gradients(gradients: list[Any], variables: list[Any]) -> list[Any]:
    """The gradients of all replicas together, zeros where a variable has none."""
    pairs = zip(gradients, variables, strict=True)
    present = [tf.zeros_like(v.value) if g is None else g for g, v in pairs]
    if replicas() == 1:
        return present
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, present)


def gather_own_first(values: Any) -> Any:
    """All replicas' rows `[n_r, ...]` in one tensor, this replica's first; keeps gradients.

    In-batch negatives are those of the global batch; the TFRS task wants the positives first.
    Built on a sum alone: each replica adds its rows at their place in a tensor of zeros. An
    `all_gather` of rows whose number differs aborts the collective beside the gradients' sums.
    """
    count = replicas()
    if count == 1:
        return values
    context = tf.distribute.get_replica_context()
    own = context.replica_id_in_sync_group
    rows = tf.shape(values)[0]
    sizes = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.one_hot(own, count, dtype=tf.float32)
                               * tf.cast(rows, tf.float32))  # fmt: skip
    sizes = tf.cast(sizes, tf.int32)
    before = tf.reduce_sum(sizes[:own])
    after = tf.reduce_sum(sizes) - before - rows
    paddings = tf.concat(
        [[[before, after]], tf.zeros([len(values.shape) - 1, 2], tf.int32)], axis=0
    )
    placed = tf.pad(values, paddings)
    if values.dtype.is_integer:
        placed = tf.cast(placed, tf.float64)  # exact up to 2^53, and summed like the others
    gathered = context.all_reduce(tf.distribute.ReduceOp.SUM, placed)
    return tf.roll(tf.cast(gathered, values.dtype), shift=-before, axis=0)


def shared_gradients(gradients: list[Any], optimizer: Any) -> list[Any]:
    """Gradients that a Keras optimizer sums and clips as if there were one replica.

    Keras 3 clips each replica's gradient and then sums, which clips too little or too much. Here
    the sum is clipped; an equal share of it passes the optimizer's own clipping unchanged (it is
    shorter than the bound), and the optimizer's sum restores it.
    """
    # Lookups give sparse gradients with a row per lookup. Replicas with different numbers of rows
    # could not exchange them ("Shape mismatch in the collective instance"), and clipping would
    # take the norm of the rows before equal ones are added.
    gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
    count = replicas()
    clips = (optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)
    if count == 1 or not any(clips):
        return gradients
    context = tf.distribute.get_replica_context()
    present = [g for g in gradients if g is not None]
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, present)
    shares = iter([clipped / count for clipped in optimizer._clip_gradients(total)])
    return [None if g is None else next(shares) for g in gradients]
