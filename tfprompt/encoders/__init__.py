"""The frozen backbone: loading and tokenizer, the seam, the prompted encoder, the state cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt._lazy import lazy

# Public name → the module that defines it; resolved on first use, so that importing this package
# loads neither TensorFlow nor Keras.
_EXPORTS = {
    "LoadedBackbone": "loading",
    "PromptedEncoder": "prompted",
    "Seam": "seam",
    "StateCache": "cache",
    "TextTokenizer": "tokenizer",
    "encode_texts": "texts",
    "load_backbone": "loading",
    "lower_states": "texts",
    "packaged_names": "packaged",
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


__getattr__ = lazy(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
