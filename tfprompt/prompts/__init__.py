"""The template language: what a request looks like as a token sequence."""

from tfprompt.prompts.segments import Feature, Field, History, Mask, Segment, Soft, Words
from tfprompt.prompts.template import Template

__all__ = ["Feature", "Field", "History", "Mask", "Segment", "Soft", "Template", "Words"]
