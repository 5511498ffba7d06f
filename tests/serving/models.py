"""Hand-made SavedModels whose answers are known without running them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

ITEMS = 8
LOWEST = tf.float32.min


class Kinds(tf.Module):
    """Every type of input that JSON has a form for, and outputs that show what arrived."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name="words"),
            tf.TensorSpec([None], tf.float32, name="number"),
            tf.TensorSpec([None], tf.int64, name="whole"),
            tf.TensorSpec([None], tf.bool, name="flag"),
            tf.TensorSpec([None, 2], tf.float64, name="pair"),
        ]
    )
    def __call__(
        self, words: Any, number: Any, whole: Any, flag: Any, pair: Any
    ) -> dict[str, tf.Tensor]:
        joined = tf.strings.reduce_join(words, axis=1, separator="|")
        return {
            "joined": joined,
            "joined_bytes": joined,
            "number": number * 2.0,
            "whole": whole + 1,
            "flag": tf.logical_not(flag),
            "pair": pair[:, ::-1],
        }


class Adds(tf.Module):
    """One input and one output: adds a number of its own, so that versions can be told apart."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = tf.Variable(amount)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x + self.amount}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name="t")])
    def echo(self, t: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"t": t}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def total(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"sum": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def picky(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, "x is below 0")]):
            return {"y": tf.identity(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="rounds")])
    def slow(self, rounds: tf.Tensor) -> dict[str, tf.Tensor]:
        """Multiplies a matrix so often, some milliseconds a round."""
        matrix = tf.ones([600, 600]) / 600.0
        turned = tf.while_loop(
            lambda i, m: i < tf.reduce_max(rounds),
            lambda i, m: (i + 1, tf.matmul(m, matrix)),
            (tf.constant(0), matrix),
        )[1]
        return {"y": tf.cast(rounds, tf.float32) + 0.0 * turned[0, 0]}


class Recommends(tf.Module):
    """Items i0 to i7, best first, without those of `history` and `exclude`."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = tf.constant([f"i{place}" for place in range(ITEMS)])
        self.scores = tf.constant([float(ITEMS - place) for place in range(ITEMS)])

    def _list(self, taken: tf.Tensor, width: Any) -> tuple[tf.Tensor, tf.Tensor]:
        hidden = tf.reduce_any(taken[:, :, None] == self.ids[None, None, :], axis=1)
        scores = tf.where(hidden, LOWEST, self.scores[None, :])
        best, rows = tf.math.top_k(scores, width)
        return tf.where(best > LOWEST, tf.gather(self.ids, rows), ""), best

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name="history"),
            tf.TensorSpec([None], tf.string, name="wish"),
            tf.TensorSpec([None], tf.string, name="age"),
            tf.TensorSpec([None], tf.float32, name="price"),
            tf.TensorSpec([None], tf.int64, name="timestamp"),
            tf.TensorSpec([None], tf.int32, name="k"),
            tf.TensorSpec([None, None], tf.string, name="exclude"),
            tf.TensorSpec([None], tf.string, name="prompt"),
        ]
    )
    def recommend(
        self,
        history: Any,
        wish: Any,
        age: Any,
        price: Any,
        timestamp: Any,
        k: Any,
        exclude: Any,
        prompt: Any,
    ) -> dict[str, tf.Tensor]:
        wanted = tf.where((k <= 0) | (k > ITEMS), ITEMS, k)
        width = tf.reduce_max(wanted)
        ids, scores = self._list(tf.concat([history, exclude], axis=1), width)
        past = tf.range(width)[None, :] >= wanted[:, None]
        seen = tf.strings.join(
            [wish, age, tf.strings.as_string(price), tf.strings.as_string(timestamp), prompt], "/"
        )
        return {
            "item_ids": tf.where(past, "", ids),
            "scores": tf.where(past, LOWEST, scores),
            "titles": tf.where(
                past, "", tf.strings.join([ids, tf.repeat(seen[:, None], width, axis=1)], ":")
            ),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name="history"),
            tf.TensorSpec([None, None], tf.string, name="candidates"),
        ]
    )
    def score(self, history: Any, candidates: Any) -> dict[str, tf.Tensor]:
        """The number in each candidate's name, plus the length of the history."""
        digits = tf.strings.regex_replace(candidates, "[^0-9]", "")
        numbers = tf.strings.to_number(tf.where(digits == "", "-1", digits))
        items = tf.reduce_sum(tf.cast(history != "", tf.float32), axis=1, keepdims=True)
        return {"scores": numbers + items}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name="history"),
            tf.TensorSpec([None, None], tf.float32, name="history_ratings"),
        ]
    )
    def encode_query(self, history: Any, history_ratings: Any) -> dict[str, tf.Tensor]:
        known = tf.where(tf.math.is_nan(history_ratings), 0.0, history_ratings)
        real = tf.cast(history != "", tf.float32)
        return {"embedding": tf.stack([tf.reduce_sum(known * real, 1), tf.reduce_sum(real, 1)], 1)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="text"),
            tf.TensorSpec([None], tf.string, name="item_id"),
        ]
    )
    def encode_item(self, text: Any, item_id: Any) -> dict[str, tf.Tensor]:
        sizes = [tf.strings.length(text), tf.strings.length(item_id)]
        return {"embedding": tf.cast(tf.stack(sizes, axis=1), tf.float32)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.string, name="history"),
            tf.TensorSpec([None], tf.string, name="wish"),
        ]
    )
    def old(self, history: Any, wish: Any) -> dict[str, tf.Tensor]:
        """As artifacts were before `k`, `exclude` and `prompt`: always four items."""
        ids, scores = self._list(history, 4)
        return {"item_ids": ids, "scores": scores}


def save_kinds(path: Path) -> Path:
    model = Kinds()
    tf.saved_model.save(model, str(path), {"serving_default": model.__call__})
    return path


def save_adds(path: Path, amount: float) -> Path:
    model = Adds(amount)
    signatures = {
        "serving_default": model.__call__,
        "echo": model.echo,
        "total": model.total,
        "picky": model.picky,
        "slow": model.slow,
    }
    tf.saved_model.save(model, str(path), signatures)
    return path


def save_recommends(path: Path, *, old: bool = False) -> Path:
    model = Recommends()
    signatures = {"serving_default": model.old} if old else {
        "serving_default": model.recommend,
        "recommend": model.recommend,
        "score": model.score,
        "encode_query": model.encode_query,
        "encode_item": model.encode_item,
    }  # fmt: skip
    tf.saved_model.save(model, str(path), signatures)
    return path
