"""Small streams, and models over the tiny backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import tensorflow as tf

from tests.continual.streams import genres
from tests.toy import encoder
from tfprompt.continual import Course, Stream
from tfprompt.models.retriever import Retriever


@pytest.fixture(autouse=True)
def _eager() -> Iterator[None]:
    """Runs steps eagerly: each stage traces a graph, which takes longer than its few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def stream() -> Stream:
    return genres()


@pytest.fixture
def course() -> Course:
    return Course(epochs=2, rate=1e-2, batch_size=16, warmup=0.0)


@pytest.fixture
def maker(stream: Stream) -> Callable[..., Callable[[int], Retriever]]:
    """A maker of models for a template; with dropout, so that its seeds matter."""

    def of(template: str = "{soft:2} watched {history:items}", **options: object):
        def make(seed: int) -> Retriever:
            made = encoder(template, dropout=0.2, upper_dropout=0.1, seed=seed)
            return Retriever(made, stream.catalog, seed=seed, **options)

        return make

    return of
