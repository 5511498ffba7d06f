"""Item templates: `"{title} ({year}). Genres: {genres}"` over the columns of a table.

A missing field takes along what only made sense with it: the brackets around it, the label before
it, the comma that listed it. That is decided once for each combination of missing fields, on the
template alone, so that punctuation inside a title is never touched.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

import polars as pl

from tfprompt.errors import TemplateError

# Each field is stood in for by one private character while the template is cleaned.
_FIRST = 0xE000
_GONE = "\uf8ff"
_FIELD = "\ue000-\uf8fe"
_RULES = [
    # (missing) → nothing
    (re.compile(rf"([(\[{{\"'«“]\s*){_GONE}(\s*[)\]}}\"'»”])"), _GONE),
    # "Genres: missing" → nothing; the label ends at a sentence mark, a bracket or another field
    (re.compile(rf"[^.;!?,|()\[\]\n{_FIELD}{_GONE}]*:[ \t]*{_GONE}"), _GONE),
    # "Dune by missing" → "Dune"
    (re.compile(rf"\b(?:by|from|in|of|with|for|at|on|and|or)\s+{_GONE}"), _GONE),
    # "a, missing, b" → "a, b"
    (re.compile(rf"\s*[,;|/–-]\s*{_GONE}"), ""),
    (re.compile(_GONE), ""),
    (re.compile(r"\s+([.,;:!?)\]])"), r"\1"),
    (re.compile(r"([.,;:!?|])(?:\s*[.,;:|])+"), r"\1"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"^[\s.,;:!?|/–-]+"), ""),
    (re.compile(r"[\s,;:|/–-]+$"), ""),
]


def parse(template: str, available: Sequence[str]) -> list[tuple[str, str | None]]:
    """Splits a template into (words, field) pairs.

    Raises:
        TemplateError: a brace is open, or a field is none of `available`.
    """
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(
            template, 0, f"An item text must be a readable template: {error}."
        ) from error
    parts: list[tuple[str, str | None]] = []
    for words, name, spec, conversion in pieces:
        if name is not None and (name not in available or spec or conversion):
            position = max(template.find("{" + name), 0)
            raise TemplateError(
                template,
                position,
                "An item text may name the columns of the items table only. "
                f"Received: {{{name}{':' + spec if spec else ''}}}. "
                f"Columns: {', '.join(available)}.",
            )
        parts.append((words, name))
    return parts


def render(template: str, frame: pl.DataFrame, fallback: str) -> list[str]:
    """Writes the template for each row; a row with nothing to say gets its `fallback` column."""
    parts = parse(template, frame.columns)
    names = list(dict.fromkeys(name for _, name in parts if name is not None))
    fields = frame.select(
        pl.col(fallback).alias("\0fallback"),
        *(
            pl.col(name).cast(pl.String).str.strip_chars().replace("", None).alias(name)
            for name in names
        ),
    )
    if names:
        gone = pl.sum_horizontal(
            pl.col(name).is_null().cast(pl.UInt64) * (1 << i) for i, name in enumerate(names)
        )
    else:
        gone = pl.lit(0, pl.UInt64)
    fields = fields.with_columns(gone.alias("\0gone"))
    text = pl.lit(None, pl.String)
    for mask in fields["\0gone"].unique().sort().to_list():
        missing = {name for i, name in enumerate(names) if mask >> i & 1}
        text = pl.when(pl.col("\0gone") == mask).then(_line(parts, names, missing)).otherwise(text)
    # A line break inside a title would end a text early in every line-based tool.
    text = text.str.replace_all(r"\s+", " ").str.strip_chars()
    filled = pl.when(text.str.len_chars() > 0).then(text).otherwise(pl.col("\0fallback"))
    return fields.select(filled.fill_null(pl.col("\0fallback"))).to_series().to_list()


def _line(parts: list[tuple[str, str | None]], names: list[str], missing: set[str]) -> pl.Expr:
    """The template with `missing` taken out, as one expression."""
    if names and len(missing) == len(names):
        return pl.lit("")
    drawn = "".join(
        words + ("" if name is None else _GONE if name in missing else chr(_FIRST + i))
        for words, name, i in ((w, n, names.index(n) if n else 0) for w, n in parts)
    )
    if missing:
        for pattern, replacement in _RULES:
            drawn = pattern.sub(replacement, drawn)
    pieces = re.split(f"([{_FIELD}])", drawn)
    return pl.concat_str(
        pl.col(names[ord(piece) - _FIRST]) if i % 2 else pl.lit(piece)
        for i, piece in enumerate(pieces)
    )
