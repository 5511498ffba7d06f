"""Against Hugging Face's PEFT on the same BERT: equal hidden states, equal pruning.

Needs the extra `peft` (torch, transformers and peft), which the other tests do without.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny import bert_vocabulary
from tfprompt.encoders.layout import lay_out
from tfprompt.encoders.loading import LoadedBackbone, load_backbone
from tfprompt.encoders.prompted import PromptedEncoder
from tfprompt.encoders.seam import Seam
from tfprompt.encoders.upper import upper_states
from tfprompt.layers.tuning import IA3, AdaLora, Lora, TunedLayers

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="the extra 'peft' is not installed"
)
REFERENCE = Path(__file__).with_name("peft_reference.py")
# Two programs, float32, three layers of hidden states of about 1.
CLOSE: dict[str, Any] = {"atol": 5e-5, "rtol": 1e-4}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT as Hugging Face writes it, and what PEFT makes of it."""
    path = tmp_path_factory.mktemp("bert")
    (path / "vocab.txt").write_text("\n".join(bert_vocabulary()))
    (path / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    done = subprocess.run(
        [sys.executable, str(REFERENCE), str(path)], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return path


@pytest.fixture(scope="module")
def loaded(directory: Path) -> LoadedBackbone:
    return load_backbone(str(directory))


@pytest.fixture(scope="module")
def answers(directory: Path) -> dict[str, np.ndarray]:
    with np.load(directory / "answers.npz") as file:
        return dict(file)


def tuned_layers(loaded: LoadedBackbone, *tunings: Any) -> TunedLayers:
    tuned = TunedLayers(tunings, name="tuning")
    tuned.attach(Seam(loaded.backbone, 0), loaded.name)
    return tuned


def check(loaded: LoadedBackbone, tuned: TunedLayers, answers: Any, case: str) -> None:
    """The same last states of all real tokens, from the same token ids."""
    seam, real = Seam(loaded.backbone, 0), answers["mask"].astype(bool)
    states: Any = seam.lower_states(answers["ids"], real)
    mask = np.repeat(real[:, None], real.shape[1], axis=1)
    for number, layer in enumerate(seam.upper_layers):
        with tuned.layer(number):
            states = seam.apply_upper_layer(layer, states, mask)
    expected = answers[f"{case}/last"]
    np.testing.assert_allclose(np.asarray(states)[real], expected[real], **CLOSE)
    if case != "plain":
        assert np.abs(expected - answers["plain/last"])[real].max() > 0.1


def named(answers: Any, case: str, part: str) -> Iterator[tuple[str, np.ndarray]]:
    """PEFT's weights of a case, by what they belong to: "layer_1_query"."""
    for name, value in answers.items():
        if name.startswith(f"{case}/") and part in name:
            parts = name.split(".")
            number = parts[parts.index("layer") + 1]
            inside = [each for each in ("query", "key", "value") if each in parts]
            yield f"layer_{number}_{inside[0] if inside else 'output'}", value


def test_the_backbones_agree(loaded: LoadedBackbone, answers: Any) -> None:
    check(loaded, tuned_layers(loaded), answers, "plain")


def test_lora(loaded: LoadedBackbone, answers: Any) -> None:
    tuning = Lora(3, alpha=6.0)
    tuned = tuned_layers(loaded, tuning)
    for place, part in enumerate(("lora_A", "lora_B")):
        for name, value in named(answers, "lora", part):
            tuning.factors[f"{name}_kernel"][place].assign(value.T)
    check(loaded, tuned, answers, "lora")


def test_ia3(loaded: LoadedBackbone, answers: Any) -> None:
    tuning = IA3()
    tuned = tuned_layers(loaded, tuning)
    scales = dict(named(answers, "ia3", "ia3_l"))
    assert scales.keys() == tuning.differences.keys()
    for name, value in scales.items():
        tuning.differences[name].assign(value.ravel() - 1)
    check(loaded, tuned, answers, "ia3")


def adalora(loaded: LoadedBackbone, answers: Any) -> tuple[AdaLora, TunedLayers]:
    tuning = AdaLora(2, 6, alpha=12.0, warmup=0.25, cooldown=0.25, prune_every=4)
    tuned = tuned_layers(loaded, tuning)
    for place, part in enumerate(("lora_A", "lora_E", "lora_B")):
        for name, value in named(answers, "adalora", part):
            value = value.ravel() if part == "lora_E" else value.T
            tuning.factors[f"{name}_kernel"][place].assign(value)
    return tuning, tuned


def test_adalora_computes_the_same(loaded: LoadedBackbone, answers: Any) -> None:
    check(loaded, adalora(loaded, answers)[1], answers, "adalora")


def test_adalora_prunes_the_same_ranks_in_every_step(loaded: LoadedBackbone, answers: Any) -> None:
    tuning, tuned = adalora(loaded, answers)
    gradients = [dict(named(answers, "gradients", part)) for part in ("_A", "_E", "_B")]
    expected = dict(named(answers, "pruned", "lora_E"))
    tuned.plan(40)
    left = []
    for step in range(29):
        seen: dict[int, Any] = {}
        for name, factors in tuning.factors.items():
            key = name.removesuffix("_kernel")
            a, e, b = (each[key][step] for each in gradients)
            seen |= {id(v): g for v, g in zip(factors, (a.T, e.ravel(), b.T), strict=True)}
        tuned.observe(seen)
        for name, (_, scales, _) in tuning.factors.items():
            here = expected[name.removesuffix("_kernel")][step].ravel()
            np.testing.assert_allclose(scales.numpy(), here, atol=1e-6, err_msg=f"{step} {name}")
        left.append(sum(tuning.ranks.values()))
    assert left[0] == 36 and left[27] < 14


def prompted(loaded: LoadedBackbone, count: int, **options: Any) -> PromptedEncoder:
    """A prompt of so many vectors before words that each test gives by their states."""
    encoder = PromptedEncoder(
        loaded, f"{{soft:{count}}} {{words}}", 0, upper_dropout=0.0, read_out="mean", **options
    )
    encoder.build()
    return encoder


def states_of(encoder: PromptedEncoder, words: Any, real: np.ndarray) -> np.ndarray:
    """The last states of all tokens, the prompt's first: `[B, P + T, D]`.

    What the encoder reads is the mean over the words; that much of it is checked here.
    """
    order = np.repeat(np.arange(real.shape[1])[None] + 1, len(real), axis=0)
    inputs = {"states": words, "states_mask": real, "order": order}
    plan, *_ = lay_out(encoder, inputs, False, False)
    states = np.asarray(upper_states(encoder, plan, None, training=False))
    text = states[:, encoder.template.prompt_length :]
    means = [row[kept].mean(axis=0) for row, kept in zip(text, real, strict=True)]
    np.testing.assert_allclose(encoder(inputs), means, atol=1e-6)
    return states


def test_prompt_tuning(loaded: LoadedBackbone, answers: Any) -> None:
    # PEFT puts prompts before the embedding's norm and moves the words behind them; here prompts
    # enter after it. What reaches the first layer is made the same.
    first, last, real = answers["prompts/first"], answers["prompts/last"], answers["mask"] == 1
    count = first.shape[1] - real.shape[1]
    encoder = prompted(loaded, count)
    encoder.soft_prompts[0].initialize(first[0, :count])
    np.testing.assert_allclose(first[1, :count], first[0, :count], atol=1e-6)
    received = states_of(encoder, first[:, count:], real)
    seen = np.concatenate([np.ones((len(real), count), bool), real], axis=1)
    np.testing.assert_allclose(received[seen], last[seen], **CLOSE)
    assert np.abs(last[:, count:] - answers["plain/last"])[real].max() > 0.1


def test_prefix_tuning(loaded: LoadedBackbone, answers: Any) -> None:
    # A prefix is keys and values alone; those of deep prompts are their projections.
    prompts, last, real = answers["prefix/prompts"], answers["prefix/last"], answers["mask"] == 1
    count = prompts.shape[1]
    encoder = prompted(loaded, count, deep=True)
    for layer, values in zip((*encoder.soft_prompts, *encoder.deep_prompts), prompts, strict=True):
        layer.initialize(values)
    received = states_of(encoder, encoder.seam.lower_states(answers["ids"], real), real)
    np.testing.assert_allclose(received[:, count:][real], last[real], **CLOSE)
    assert np.abs(last - answers["plain/last"])[real].max() > 0.1
