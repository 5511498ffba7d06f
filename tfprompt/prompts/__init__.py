"""The template language: what a request looks like as a token sequence."""

from tfprompt.prompts.segments import (
    Candidate,
    Feature,
    Field,
    History,
    Mask,
    Segment,
    Soft,
    TextHistory,
    Words,
)
from tfprompt.prompts.template import Template
from tfprompt.prompts.verbalizer import Verbalizer

__all__ = [
    "Candidate",
    "Feature",
    "Field",
    "History",
    "Mask",
    "Segment",
    "Soft",
    "Template",
    "TextHistory",
    "Verbalizer",
    "Words",
]
