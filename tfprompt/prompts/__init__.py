"""The template language: what a request looks like as a token sequence; searching and choosing."""

from tfprompt.prompts import search
from tfprompt.prompts.segments import (
    Candidate,
    Feature,
    Field,
    History,
    Mask,
    Personal,
    Pool,
    Segment,
    Soft,
    Task,
    TextHistory,
    Words,
)
from tfprompt.prompts.template import Template
from tfprompt.prompts.thompson import ThompsonSampling
from tfprompt.prompts.verbalizer import Verbalizer

__all__ = [
    "Candidate",
    "Feature",
    "Field",
    "History",
    "Mask",
    "Personal",
    "Pool",
    "Segment",
    "Soft",
    "Task",
    "Template",
    "TextHistory",
    "ThompsonSampling",
    "Verbalizer",
    "Words",
    "search",
]
