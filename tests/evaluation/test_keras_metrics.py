"""Keras metrics: equal to the NumPy ones, in a graph, and on two replicas."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tfprompt  # noqa: F401  (before keras: it sets the environment)
from tests.evaluation.toy import flat
from tfprompt.errors import ConfigError
from tfprompt.evaluation.measures import per_request
from tfprompt.evaluation.ranking import target_ranks

keras = pytest.importorskip("keras")

from tfprompt.evaluation import keras_metrics as km  # noqa: E402  (after the environment is set)


@pytest.fixture
def batch():
    """Scores with many ties, targets, and a mask of which the target may be part."""
    generator = np.random.default_rng(0)
    scores = generator.integers(8, size=[64, 40]).astype(np.float32)
    targets = generator.integers(40, size=64).astype(np.int32)
    return scores, targets, generator.random([64, 40]) < 0.2


def metrics():
    return [km.HRAtK(10), km.RecallAtK(10), km.NDCGAtK(10), km.MRR()]


def results(ranks, found=None):
    found = found or metrics()
    for metric in found:
        metric.update_state(ranks)
    return {metric.name: float(metric.result()) for metric in found}


def test_equal_to_numpy(batch):
    scores, targets, mask = batch
    expected = target_ranks(
        scores, *flat(targets[:, None].tolist()), *flat([np.flatnonzero(m).tolist() for m in mask])
    )
    ranks = keras.ops.convert_to_numpy(km.ranks_from_scores(scores, targets, mask))
    assert ranks.tolist() == expected.tolist()
    by_numpy = per_request(expected, np.arange(65), [10])
    for name, value in results(ranks).items():
        # float32 sums of 64 values
        assert value == pytest.approx(by_numpy[name.replace("_at_", "@")].mean(), rel=1e-5)


def test_names_and_config():
    assert [m.name for m in metrics()] == ["hr_at_10", "recall_at_10", "ndcg_at_10", "mrr"]
    again = keras.metrics.deserialize(keras.metrics.serialize(km.NDCGAtK(7)))
    assert again.k == 7 and again.name == "ndcg_at_7"
    with pytest.raises(ConfigError, match="Received: 0"):
        km.HRAtK(0)


def test_constant_scores_get_exactly_nothing():
    ranks = km.ranks_from_scores(np.zeros([8, 30], np.float32), np.arange(8))
    found = results(ranks)
    assert found["hr_at_10"] == found["ndcg_at_10"] == found["recall_at_10"] == 0.0
    assert keras.ops.convert_to_numpy(ranks).tolist() == [30] * 8


def test_nan_never_helps():
    scores = np.array([[0.1, np.nan, 0.5], [np.nan, 0.1, 0.2], [np.nan] * 3], np.float32)
    ranks = km.ranks_from_scores(scores, np.array([2, 0, 1]))
    assert keras.ops.convert_to_numpy(ranks).tolist() == [2, 3, 3]


def test_sample_weight_leaves_padding_out():
    metric = km.HRAtK(5)
    metric.update_state(np.array([1, 9, 1]), sample_weight=np.array([1.0, 1.0, 0.0]))
    assert float(metric.result()) == 0.5


def test_graph_equals_eager(batch):
    import tensorflow as tf

    eager = results(km.ranks_from_scores(*batch))
    found = metrics()

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None]), tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, None], tf.bool),
        ]
    )  # fmt: skip
    def step(scores, targets, mask):
        ranks = km.ranks_from_scores(scores, targets, mask)
        for metric in found:
            metric.update_state(ranks)

    scores, targets, mask = batch
    for part in (slice(0, 10), slice(10, 64)):
        step(scores[part], targets[part], mask[part])
    for metric in found:
        assert float(metric.result()) == pytest.approx(eager[metric.name], rel=1e-6)


def test_bfloat16_scores(batch):
    scores, targets, mask = batch  # small whole numbers: exact in bfloat16
    low = keras.ops.cast(scores, "bfloat16")
    assert results(km.ranks_from_scores(low, targets, mask)) == results(
        km.ranks_from_scores(scores, targets, mask)
    )


REPLICAS = """
    import json, sys
    import numpy as np
    import tfprompt
    import tensorflow as tf
    from tfprompt.evaluation import keras_metrics as km

    count = int(sys.argv[1])
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
    generator = np.random.default_rng(0)
    scores = generator.integers(8, size=[64, 40]).astype(np.float32)
    targets = generator.integers(40, size=64).astype(np.int32)
    with strategy.scope():
        import keras
        class Table(keras.Model):
            def __init__(self):
                super().__init__()
                self.found = [km.HRAtK(10), km.NDCGAtK(10), km.MRR()]
                self.loss_mean = keras.metrics.Mean(name="loss")
            def call(self, inputs):
                return inputs["scores"]
            @property
            def metrics(self):
                return [self.loss_mean, *self.found]
            def test_step(self, data):
                ranks = km.ranks_from_scores(data["scores"], data["targets"])
                self.loss_mean.update_state([0.0])
                for metric in self.found:
                    metric.update_state(ranks)
                return {metric.name: metric.result() for metric in self.metrics}
        model = Table()
        model.compile()
    data = tf.data.Dataset.from_tensor_slices({"scores": scores, "targets": targets}).batch(16)
    found = model.evaluate(data, verbose=0, return_dict=True)
    print(json.dumps({name: float(value) for name, value in found.items()}))
"""


def test_two_replicas_equal_one(batch):
    def run(count):
        code = textwrap.dedent(REPLICAS)
        done = subprocess.run(
            [sys.executable, "-c", code, str(count)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    one, two = run(1), run(2)
    assert two == pytest.approx(one, rel=1e-6)
    scores, targets, _ = batch
    assert one["ndcg_at_10"] == pytest.approx(
        results(km.ranks_from_scores(scores, targets))["ndcg_at_10"], rel=1e-5
    )
