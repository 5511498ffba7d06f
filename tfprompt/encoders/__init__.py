"""The frozen backbone: loading and tokenizer, the seam, the prompted encoder, the state cache."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Public name → the module that defines it; resolved on first use, so that importing this package
# loads neither TensorFlow nor Keras.
_EXPORTS = {
    "LoadedBackbone": "tfprompt.encoders.loading",
    "PromptedEncoder": "tfprompt.encoders.prompted",
    "Seam": "tfprompt.encoders.seam",
    "StateCache": "tfprompt.encoders.cache",
    "TextTokenizer": "tfprompt.encoders.tokenizer",
    "encode_texts": "tfprompt.encoders.texts",
    "load_backbone": "tfprompt.encoders.loading",
    "lower_states": "tfprompt.encoders.texts",
    "packaged_names": "tfprompt.encoders.packaged",
}

__all__ = [
    "LoadedBackbone",
    "PromptedEncoder",
    "Seam",
    "StateCache",
    "TextTokenizer",
    "encode_texts",
    "load_backbone",
    "lower_states",
    "packaged_names",
]

if TYPE_CHECKING:
    from tfprompt.encoders.cache import StateCache
    from tfprompt.encoders.loading import LoadedBackbone, load_backbone
    from tfprompt.encoders.packaged import packaged_names
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.encoders.seam import Seam
    from tfprompt.encoders.texts import encode_texts, lower_states
    from tfprompt.encoders.tokenizer import TextTokenizer


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tfprompt.encoders' has no attribute '{name}'")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
