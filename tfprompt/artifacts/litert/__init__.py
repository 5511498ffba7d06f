"""A retriever as a file for devices, of LiteRT's built-in operations alone."""

from tfprompt.artifacts.litert.export import export_litert

__all__ = ["export_litert"]
