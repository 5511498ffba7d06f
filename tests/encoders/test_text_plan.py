"""The text of a template as tokens: against token lists put together by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.toy import backbone
from tfprompt.encoders.text_plan import ORDER_STEP, TextPlan
from tfprompt.encoders.token_plan import Part, TokenPlan, move_rows
from tfprompt.errors import ConfigError, TemplateError
from tfprompt.prompts import Template


def plan(source: str, family: str = "bert", **options: int) -> TextPlan:
    return TextPlan(Template.parse(source), backbone(family).tokenizer, **options)


def pieces(text: str, family: str = "bert") -> list[int]:
    return backbone(family).tokenizer.pieces([text]).to_tensor()[0].numpy().tolist()


def rows(result: dict[str, tf.Tensor]) -> list[list[int]]:
    mask = result["padding_mask"].numpy()
    ids = result["token_ids"].numpy()
    return [row[real].tolist() for row, real in zip(ids, mask, strict=True)]


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_tokens_and_their_places(family: str) -> None:
    tokenizer = backbone(family).tokenizer
    made = plan("{soft:3} the {age} {history:items} saw {mask}", family)
    result = made({"age": tf.constant(["old man", "", "24"])}, 3)
    start, end, mask = tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id
    the, saw = pieces("the", family), pieces("saw", family)
    for row, (age, received) in enumerate(zip(["old man", "", "24"], rows(result), strict=True)):
        own = pieces(age, family) if age else []
        # Word pieces of a byte-pair vocabulary depend on the space before: compare as given.
        words = [w for s in made.template.segments if (w := getattr(s, "text", None))]
        the, saw = pieces(words[0], family), pieces(words[1], family)
        assert received == [start, *the, *own, *saw, mask, end]
        order = result["order"][row].numpy()[: len(received)].tolist()
        step = ORDER_STEP
        assert order == (
            [-step]
            + [step + n for n in range(len(the))]
            + [2 * step + n for n in range(len(own))]
            + [4 * step + n for n in range(len(saw))]
            + [5 * step, 6 * step]
        )
    assert made.mask_order == 5 * ORDER_STEP


@pytest.mark.parametrize(("family", "specials"), [("gpt2", 1), ("llama", 1), ("qwen", 0)])
def test_decoders_get_no_end_token(family: str, specials: int) -> None:
    tokenizer = backbone(family).tokenizer
    result = plan("the king", family)({}, 2)
    expected = [tokenizer.cls_id] * specials + pieces("the king", family)
    assert rows(result) == [expected] * 2


def test_a_long_field_is_cut_and_the_rest_stays() -> None:
    long = "king " * 60
    received = rows(plan("{a} and {b}", max_field_tokens=4)({"a": [long], "b": ["red"]}, 1))[0]
    tokenizer = backbone().tokenizer
    king, other = pieces("king"), pieces("and")
    assert received == [tokenizer.cls_id, *king * 4, *other, *pieces("red"), tokenizer.sep_id]


def test_fields_share_the_position_table() -> None:
    names = ["a", "b", "c", "d"]
    made = plan(" ".join(f"{{{name}}}" for name in names))
    # 128 positions less [CLS] and [SEP], over four fields.
    assert made.field_tokens == 31
    result = made({name: tf.constant(["king " * 100]) for name in names}, 1)
    assert result["token_ids"].shape[1] == made.max_length == 126
    backbone().backbone(  # The position table takes it.
        {**{k: result[k] for k in ("token_ids", "padding_mask")},
         "segment_ids": tf.zeros_like(result["token_ids"])}
    )  # fmt: skip


def test_words_past_the_position_table_are_refused() -> None:
    with pytest.raises(ConfigError, match="128 positions.*202 tokens.*Shorten"):
        plan("the " * 200)({}, 1)


@pytest.mark.parametrize("source", ["the {age} saw {mask}", "{age}{age}", "word", "{soft:2}"])
def test_no_row_is_longer_than_announced(source: str) -> None:
    made = plan(source)
    result = made({"age": tf.constant(["king " * 100, "x"])}, 2)
    assert result["token_ids"].shape[1] <= made.max_length
    if "{age}" in source:
        assert result["token_ids"].shape[1] == made.max_length


def test_a_missing_field_is_an_empty_one() -> None:
    made = plan("a {age} b")
    np.testing.assert_array_equal(
        made({}, 2)["token_ids"], made({"age": tf.constant(["", ""])}, 2)["token_ids"]
    )


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_graph_equals_eager(family: str) -> None:
    made = plan("the {age} old", family)
    ages = tf.constant(["24", "", "a very old man"])
    graph = tf.function(lambda age: made({"age": age}, tf.shape(age)[0]))(ages)
    eager = made({"age": ages}, 3)
    for name in ("token_ids", "padding_mask", "order"):
        np.testing.assert_array_equal(graph[name], eager[name])


def test_the_plan_of_a_fresh_graph_needs_no_eager_call_first() -> None:
    made = plan("the {age} old")
    graph = tf.function(lambda age: made({"age": age}, tf.shape(age)[0]))
    assert rows(graph(tf.constant(["24"])))[0][1:-1] == pieces("the 24 old")


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_decoder_has_no_mask_token(family: str) -> None:
    with pytest.raises(TemplateError, match="no mask token") as caught:
        plan("read {mask}", family)
    assert caught.value.position == 5


def test_template_order_and_back() -> None:
    order = np.array([[7, 7, 3, 0, 5, 1], [2, 2, 1, 0, 0, 9]], "int32")
    valid = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 1]], bool)
    states = np.arange(12, dtype="float32").reshape(2, 6, 1)
    joined = TokenPlan.join([Part.of(states, valid=valid, order=order)])
    there, back = joined.template_order()
    # Equal places keep their order, padding goes last.
    assert there.numpy().tolist() == [[3, 5, 2, 4, 0, 1], [2, 0, 1, 5, 3, 4]]
    np.testing.assert_array_equal(move_rows(move_rows(states, there), back), states)
    np.testing.assert_array_equal(
        joined.permuted(there).valid, [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]
    )


def test_a_history_as_words_by_hand() -> None:
    tokenizer, comma = backbone().tokenizer, pieces(",")
    made = plan("the {history:titles 2} is {a}", max_item_tokens=2)
    history = tf.ragged.constant([["red", "toy story", "star wars film"], [], ["king"]])
    received = made({"a": tf.constant(["new", "old", ""])}, 3, history)
    the, is_ = pieces("the"), pieces("is")
    bodies = [
        # The newest two, the newest last; each cut to two pieces.
        [*the, *pieces("toy story"), *comma, *pieces("star wars"), *is_, *pieces("new")],
        [*the, *is_, *pieces("old")],
        [*the, *pieces("king"), *is_],
    ]
    assert rows(received) == [[tokenizer.cls_id, *body, tokenizer.sep_id] for body in bodies]
    places = received["order"][0].numpy().tolist()
    assert places[2:7] == [ORDER_STEP + n for n in range(5)]
    # Pieces that were cut before are laid out alike.
    ids = history.with_values(tokenizer.pieces(history.values))
    again = made({"a": tf.constant(["new", "old", ""])}, 3, ids)
    assert rows(again) == rows(received)


def test_fields_and_items_share_the_position_table() -> None:
    made = plan("{a} {history:text 5}")
    # 128 positions less specials and 4 commas, shared out as 48 : 24.
    assert (made.field_tokens, made.item_tokens) == (34, 17)
    long = tf.ragged.constant([["king " * 90] * 7])
    result = made({"a": tf.constant(["king " * 90])}, 1, long)
    assert result["token_ids"].shape[1] == made.max_length <= 128
    assert plan("{history:text 2}").item_tokens == 24
    with pytest.raises(ConfigError, match="(?s)128 positions.*and 32 items of a history.*Shorten"):
        _ = plan("king " * 80 + "{history:text 32}").item_tokens
