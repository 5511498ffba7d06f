"""What every test runs under: two logical CPUs, fixed seeds, a cache directory that may be set.

`TFPROMPT_HOME` is honoured: the packaged backbone is fetched into it once. Tests that write state
caches of tiny backbones use the `own_home` fixture, so that they leave nothing behind.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tfprompt  # noqa: F401  (first: it selects the Keras that TFRS needs)

import tensorflow as tf  # isort: skip

# A shell's background job ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before TensorFlow starts, since it refuses later: a strategy needs two devices to be tested.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# Nearly all graphs of the tests run once or twice: rewriting them takes longer. The processes that
# exports are checked in rewrite theirs.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

# Files with few long tests, which would else begin when a worker has nothing else left.
_FIRST = (
    "test_main_job", "test_distribution", "test_multi_task", "test_ranker_training",
    "test_retriever_training", "test_reuse", "test_saved_model", "test_two_stages",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the long files first; `--no-loadscope-reorder` keeps this order between workers."""
    items.sort(key=lambda item: item.path.stem not in _FIRST)


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Each test starts from the same seeds, whatever ran before it.

    Keras draws the seed of an unseeded initializer from `random`. TensorFlow's own global seed is
    left alone: setting it empties the kernel cache, and every graph would be compiled again.
    """
    random.seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache directory of this session."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("TFPROMPT_HOME", str(home))
        yield home
