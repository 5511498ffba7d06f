"""A multilingual backbone end to end: Cyrillic, Chinese and accents in titles, columns, wishes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import sentencepiece
import tensorflow as tf

from tfprompt.artifacts import sample_requests
from tfprompt.data.reading import read
from tfprompt.encoders.loading import LoadedBackbone, assemble, randomize
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.models.recommending import recommend
from tfprompt.models.retriever import Retriever
from tfprompt.prompts import languages

TITLES = ["красный город", "белая ночь", "старый король", "星际旅行", "红色城市", "午夜快车",
          "Amélie à Montmartre", "Über den Wölken", "El niño y el león", "naïve café"]  # fmt: skip


@pytest.fixture(scope="module")
def loaded() -> LoadedBackbone:
    """A random XLM-RoBERTa of two layers whose SentencePiece model knows these scripts."""
    import keras_hub

    buffer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TITLES * 3 + ["возраст лет студент 学生 étudiante watched"] * 3),
        model_writer=buffer, vocab_size=150, model_type="unigram", hard_vocab_limit=False,
        unk_id=0, bos_id=1, eos_id=2, character_coverage=1.0, minloglevel=2,
    )  # fmt: skip
    tokenizer = keras_hub.models.XLMRobertaTokenizer(proto=buffer.getvalue())
    backbone = keras_hub.models.XLMRobertaBackbone(
        vocabulary_size=tokenizer.vocabulary_size(), num_layers=2, num_heads=4, hidden_dim=32,
        intermediate_dim=64, max_sequence_length=64,
    )  # fmt: skip
    randomize(backbone, 0, deviation=0.2)
    return assemble("tiny-languages", "tiny-languages", backbone, tokenizer)


@pytest.mark.slow
def test_fit_recommend_export(
    loaded: LoadedBackbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A vocabulary of 150 pieces has few of each script.
    monkeypatch.setattr(languages, "_PIECES_OF_A_SCRIPT", 3)
    rng = np.random.default_rng(0)
    rows = [
        (f"ю{user}", f"товар-{item}", 1e9 + step)
        for user in range(8)
        for step, item in enumerate(rng.permutation(len(TITLES))[:5])
    ]
    events = pl.DataFrame(rows, ["user_id", "item_id", "timestamp"], orient="row")
    items = pl.DataFrame({"item_id": [f"товар-{n}" for n in range(len(TITLES))], "title": TITLES})
    jobs = ["студент", "学生", "étudiante"]
    users = pl.DataFrame(
        {"user_id": [f"ю{n}" for n in range(8)], "занятие": [jobs[n % 3] for n in range(8)]}
    ).rename({"занятие": "job"})
    data = read(events, items, users, item_text="{title}", name="languages")
    encoder = PromptedEncoder(loaded, "{soft:2} {job} watched {history:items}", prompt_layer=1,
                              max_history=5)  # fmt: skip
    model = Retriever(encoder, data.items, wish_weight=5.0)
    split = data.leave_one_out()
    model.fit(split.train, validation_data=split.validation, epochs=1, batch_size=4, verbose=0)
    for title in TITLES:
        assert recommend(model, wish=title, k=1)[0].title == title
    model.export(tmp_path / "m" / "1", k=5, examples=sample_requests(data, 8))  # compared there
    served = tf.saved_model.load(str(tmp_path / "m" / "1")).signatures["recommend"]
    specs = served.structured_input_signature[1]
    inputs = {
        name: tf.constant([[""]] if spec.shape.rank == 2 else [""])
        for name, spec in specs.items()
        if spec.dtype == tf.string
    }
    inputs |= {
        "k": tf.constant([3]),
        "wish": tf.constant(["红色城市"]),
        "job": tf.constant(["学生"]),
    }
    inputs["history"] = tf.constant([["товар-0", "неизвестно"]])
    assert served(**inputs)["item_ids"].numpy()[0, 0].decode() == "товар-4"
