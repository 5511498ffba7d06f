"""Hugging Face's PEFT on a tiny BERT, run as a program of its own: writes inputs and answers.

PyTorch and TensorFlow do not start in one process on every machine. Usage:
`python peft_reference.py DIRECTORY`, which must hold `vocab.txt`; it gets the model and
`answers.npz`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
import transformers

WIDTH, LAYERS, HEADS, PROMPTS = 32, 3, 4, 3
STEPS = 29  # of pruning: in the thirtieth PEFT rebuilds its layers
_LAST = r".*layer\.\d+\.output\.dense"


def main(directory: Path) -> None:
    vocabulary = (directory / "vocab.txt").read_text().splitlines()
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=2 * WIDTH, max_position_embeddings=64,
        # KerasHub's BERT has the approximate activation, whatever the file says.
        hidden_act="gelu_new", initializer_range=0.2,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(directory)
    answers: dict[str, np.ndarray] = {
        "ids": np.random.default_rng(0).integers(5, len(vocabulary), (2, 7)),
        "mask": np.array([[1] * 7, [1] * 5 + [0] * 2]),
    }

    def bert() -> Any:
        return transformers.BertModel.from_pretrained(directory).eval()

    def run(case: str, model: Any, part: str) -> None:
        for name, value in moved(model, part).items():
            answers[f"{case}/{name}"] = value
        with torch.no_grad():
            given = {"input_ids": torch.tensor(answers["ids"])}
            given["attention_mask"] = torch.tensor(answers["mask"])
            answer = model.eval()(**given, output_hidden_states=True)
        answers[f"{case}/first"] = answer.hidden_states[0].numpy()
        answers[f"{case}/last"] = answer.last_hidden_state.numpy()

    run("plain", bert(), "nothing")
    targets = {"target_modules": ["query", "value"]}
    lora = peft.LoraConfig(r=3, lora_alpha=6, **targets)
    run("lora", peft.get_peft_model(bert(), lora), "lora_")
    ia3 = peft.IA3Config(target_modules=rf".*(key|value)|{_LAST}", feedforward_modules=_LAST)
    run("ia3", peft.get_peft_model(bert(), ia3), "ia3_")
    prompts = peft.PromptTuningConfig("FEATURE_EXTRACTION", num_virtual_tokens=PROMPTS)
    run("prompts", peft.get_peft_model(bert(), prompts), "prompt_encoder")
    adalora = peft.AdaLoraConfig(
        init_r=6, target_r=2, lora_alpha=12, tinit=10, tfinal=10, deltaT=4, total_step=40, **targets
    )
    model = peft.get_peft_model(bert(), adalora)
    run("adalora", model, "lora_")
    answers |= pruned(model)
    answers |= prefixed(bert(), answers)
    np.savez(directory / "answers.npz", **answers)


def moved(model: Any, part: str) -> dict[str, np.ndarray]:
    """PEFT's own weights away from their start, by name."""
    rng = np.random.default_rng(1)
    values = {}
    for name, parameter in model.named_parameters():
        if part in name:
            noise = rng.normal(size=tuple(parameter.shape)).astype("float32")
            with torch.no_grad():
                parameter += 0.3 * torch.tensor(noise)
            values[name] = parameter.detach().numpy().copy()
    return values


def prefixed(bert: Any, answers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Prefix tuning whose keys and values come from prompts at each layer, and those prompts."""
    rng = np.random.default_rng(6)
    prompts = rng.normal(size=(LAYERS, PROMPTS, WIDTH)).astype("float32")
    model = peft.get_peft_model(
        bert, peft.PrefixTuningConfig("FEATURE_EXTRACTION", num_virtual_tokens=PROMPTS)
    )
    ids, mask = torch.tensor(answers["ids"]), torch.tensor(answers["mask"])
    with torch.no_grad():
        rows = [
            projection(torch.tensor(prompts[number]))
            for number, layer in enumerate(bert.encoder.layer)
            for projection in (layer.attention.self.key, layer.attention.self.value)
        ]
        model.prompt_encoder["default"].embedding.weight.copy_(torch.cat(rows, dim=1))
        # The mask and positions that a BERT does not extend by itself.
        ones = torch.ones(len(ids), PROMPTS, dtype=mask.dtype)
        seen = torch.cat([ones, mask], dim=1).bool()[:, None, None]
        answer = bert(
            input_ids=ids, attention_mask=seen.expand(-1, -1, ids.shape[1], -1),
            position_ids=torch.arange(ids.shape[1])[None], cache=model.get_prompt(len(ids)),
        )  # fmt: skip
    return {"prefix/prompts": prompts, "prefix/last": answer.last_hidden_state.numpy()}


def pruned(model: Any) -> dict[str, np.ndarray]:
    """Gradients of each step, and the singular values after it."""
    rng = np.random.default_rng(4)
    steps: dict[str, list[np.ndarray]] = {}
    named = {n: p for n, p in model.named_parameters() if "lora_" in n and p.requires_grad}
    for step in range(1, STEPS + 1):
        for name, parameter in named.items():
            gradient = rng.normal(size=tuple(parameter.shape)).astype("float32")
            parameter.grad = torch.tensor(gradient)
            steps.setdefault(f"gradients/{name}", []).append(gradient)
        model.base_model.rankallocator.update_and_allocate(model, step)
        for name, parameter in named.items():
            if "lora_E" in name:
                steps.setdefault(f"pruned/{name}", []).append(parameter.detach().numpy().copy())
    return {name: np.stack(values) for name, values in steps.items()}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
