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

from typing import TYPE_CHECKING

from tfprompt._lazy import lazy

# Public name → the module that defines it; resolved on first use, so that what is only drawn or
# compared loads neither TensorFlow nor Keras.
_EXPORTS = {
    "Attention": "attention_weights",
    "Attribution": "attribution",
    "NearestWords": "words",
    "Report": "report",
    "Share": "attribution",
    "Similarity": "similarity",
    "attention": "attending",
    "attribute": "attributing",
    "nearest_words": "words",
    "prompt_similarity": "similarity",
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


__getattr__ = lazy(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
