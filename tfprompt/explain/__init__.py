"""Explaining a prompt: what it is near to, what it looks at, and what raised a score.

| | answers |
|---|---|
| `nearest_words` | which words a trained vector is near to, at the layer where it stands |
| `prompt_similarity` | which prompts, of one model or of several, are alike |
| `attention` | how much the read-out looks at each segment of the template |
| `attribute` | which past items, words and prompts raised or lowered one item's score |

Each answer is a small dataclass with the numbers; `to_text()`, `to_html(path)` and `to_png(path)`
show them, and a `Report` joins several.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

# Public name → the module that defines it; resolved on first use, so that what is only drawn or
# compared loads neither TensorFlow nor Keras.
_EXPORTS = {
    "Attention": "tfprompt.explain.attention_weights",
    "Attribution": "tfprompt.explain.attribution",
    "NearestWords": "tfprompt.explain.words",
    "Report": "tfprompt.explain.report",
    "Share": "tfprompt.explain.attribution",
    "Similarity": "tfprompt.explain.similarity",
    "attention": "tfprompt.explain.attending",
    "attribute": "tfprompt.explain.attributing",
    "nearest_words": "tfprompt.explain.words",
    "prompt_similarity": "tfprompt.explain.similarity",
}

__all__ = [
    "Attention",
    "Attribution",
    "NearestWords",
    "Report",
    "Share",
    "Similarity",
    "attention",
    "attribute",
    "nearest_words",
    "prompt_similarity",
]

if TYPE_CHECKING:
    from tfprompt.explain.attending import attention
    from tfprompt.explain.attention_weights import Attention
    from tfprompt.explain.attributing import attribute
    from tfprompt.explain.attribution import Attribution, Share
    from tfprompt.explain.report import Report
    from tfprompt.explain.similarity import Similarity, prompt_similarity
    from tfprompt.explain.words import NearestWords, nearest_words


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'tfprompt.explain' has no attribute '{name}'")
    value = getattr(importlib.import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
