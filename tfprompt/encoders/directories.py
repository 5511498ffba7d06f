"""What a model directory must hold, and what its tokenizer files ask for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tfprompt.errors import BackboneError

_HUGGING_FACE_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_OTHER_WEIGHTS = ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack")


def check_directory(location: str | os.PathLike[str]) -> None:
    """Refuses a directory that KerasHub would fail on later, with the reason and the remedy.

    Args:
        location: directory in Hugging Face or KerasHub layout.

    Raises:
        BackboneError: `config.json` is missing or not JSON, or the weights are missing.
    """
    directory = Path(location)
    config = _read(directory / "config.json")
    if config is None:
        raise BackboneError(
            "A backbone directory must hold config.json, weights and tokenizer files. Received: "
            f"{directory}, which has no config.json. Give the directory that holds the files "
            "themselves, not a parent."
        )
    if "registered_name" in config:
        return
    if "model_type" not in config:
        raise BackboneError(
            "config.json must name its `model_type` (Hugging Face) or `registered_name` "
            f"(KerasHub). Received: {directory / 'config.json'} with the keys "
            f"{', '.join(sorted(config)) or 'none'}."
        )
    if any((directory / name).exists() for name in _HUGGING_FACE_WEIGHTS):
        return
    others = [name for name in _OTHER_WEIGHTS if (directory / name).exists()]
    found = f"only {', '.join(others)}" if others else "no weights"
    raise BackboneError(
        f"A directory in Hugging Face layout must hold model.safetensors. Received: {directory}, "
        f"which has {found}. Save the model with `save_pretrained(…, safe_serialization=True)`."
    )


def word_piece_options(location: str | os.PathLike[str]) -> dict[str, Any]:
    """Arguments of `WordPiece` that a Hugging Face directory asks for.

    KerasHub reads `do_lower_case` alone. tokenizer.json is what the reference runs on, so it comes
    first; tokenizer_config.json is the fallback.

    Args:
        location: a directory; anything else gives no options.

    Returns:
        Any of lowercase, strip_accents, split_ideographs.
    """
    directory = Path(location)
    if not directory.is_dir():
        return {}
    normalizer = (_read(directory / "tokenizer.json") or {}).get("normalizer") or {}
    if normalizer.get("type") == "BertNormalizer":
        keys = {
            "lowercase": "lowercase",
            "strip_accents": "strip_accents",
            "handle_chinese_chars": "split_ideographs",
        }
        return {ours: normalizer[theirs] for theirs, ours in keys.items() if theirs in normalizer}
    config = _read(directory / "tokenizer_config.json") or {}
    keys = {
        "do_lower_case": "lowercase",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "split_ideographs",
    }
    return {ours: config[theirs] for theirs, ours in keys.items() if theirs in config}


def _read(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None where there is no such file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BackboneError(
            f"The file must be readable JSON. Received: {path}: {error}. Copy it again."
        ) from error
    if not isinstance(value, dict):
        raise BackboneError(f"The file must hold a JSON object. Received: {path}.")
    return value
