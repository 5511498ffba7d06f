"""Every error that tfprompt raises on purpose, as one tree.

```
TfpromptError
├── ConfigError       an argument or a combination of arguments that cannot work
├── DataError         a table, a column, a row, a split
├── TemplateError     a template that does not parse or does not fit the data
├── BackboneError     a backbone that cannot be loaded, cut or matched
├── CheckpointError   a run directory or prompt file that cannot be used
├── ExportError       an artifact that cannot be written or would not serve
├── DownloadError     a file that could not be fetched or is not what was expected
└── ServingError      a model server did not answer as asked
    ├── RequestError         the request breaks a rule; asking again does not help
    ├── ModelNotFoundError   no such model, version or label on that server
    ├── UnavailableError     the server is away or has too much to do; later it may answer
    └── DeadlineError        no answer in time
```

`WishWarning` is no error: the wish was answered, though not word by word.
"""

from __future__ import annotations

__all__ = [
    "BackboneError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "DeadlineError",
    "DownloadError",
    "ExportError",
    "ModelNotFoundError",
    "RequestError",
    "ServingError",
    "TemplateError",
    "TfpromptError",
    "UnavailableError",
    "WishWarning",
]


class TfpromptError(Exception):
    """Root of the tree: catch this to catch everything that tfprompt refuses."""


class ConfigError(TfpromptError, ValueError):
    """An argument, or a combination of them, breaks a rule."""


class DataError(TfpromptError, ValueError):
    """A table breaks a rule; the message names file, row and column where known.

    Args:
        message: the rule, what was received, and the remedy.
        file: path of the table.
        row: line in the file, 1-based and counting the header, as an editor shows it.
        column: name of the column.
    """

    def __init__(
        self,
        message: str,
        file: object | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        place = [
            f"{label} {value}"
            for label, value in (("file", file), ("row", row), ("column", column))
            if value is not None
        ]
        super().__init__(f"{', '.join(place)}: {message}" if place else message)
        self.file = file
        self.row = row
        self.column = column


class TemplateError(TfpromptError, ValueError):
    """A template breaks a rule; the message shows the template and points at the character.

    Args:
        template: the whole template.
        position: 0-based index of the offending character.
        message: the rule and the remedy.
    """

    def __init__(self, template: str, position: int, message: str) -> None:
        # A template may hold line breaks; the pointer must stay below its character.
        line_start = template.rfind("\n", 0, position) + 1
        line_end = template.find("\n", position)
        line = template[line_start : line_end if line_end >= 0 else None]
        pointer = " " * (position - line_start) + "^"
        super().__init__(f"{message}\n  {line}\n  {pointer} (character {position + 1})")
        self.template = template
        self.position = position


class BackboneError(TfpromptError):
    """A backbone cannot be loaded, cannot be cut at the seam, or is not the expected one."""


class CheckpointError(TfpromptError):
    """A checkpoint is missing, damaged or belongs to another model."""


class ExportError(TfpromptError):
    """An artifact cannot be written, or would fail its first user."""


class DownloadError(TfpromptError, OSError):
    """A file could not be fetched, or its checksum is not the expected one."""


class ServingError(TfpromptError):
    """A model server did not answer as asked.

    Args:
        message: the rule, what was received, and the remedy.
        code: name of the gRPC status, over REST too: "INVALID_ARGUMENT", "UNAVAILABLE" …
        field: the input that was wrong, where one is known.
    """

    def __init__(self, message: str, code: str = "UNKNOWN", field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class RequestError(ServingError, ValueError):
    """A request breaks a rule: an unknown column, a wrong type or length, an unknown signature."""

    def __init__(
        self, message: str, code: str = "INVALID_ARGUMENT", field: str | None = None
    ) -> None:
        super().__init__(message, code, field)


class ModelNotFoundError(ServingError, LookupError):
    """The server has no such model, version or label."""

    def __init__(self, message: str, code: str = "NOT_FOUND", field: str | None = None) -> None:
        super().__init__(message, code, field)


class UnavailableError(ServingError, ConnectionError):
    """The server cannot be reached, is starting or stopping, or has too much to do."""

    def __init__(self, message: str, code: str = "UNAVAILABLE", field: str | None = None) -> None:
        super().__init__(message, code, field)


class DeadlineError(ServingError, TimeoutError):
    """There was no answer in time."""

    def __init__(
        self, message: str, code: str = "DEADLINE_EXCEEDED", field: str | None = None
    ) -> None:
        super().__init__(message, code, field)


class WishWarning(UserWarning):
    """A wish was read otherwise than it was written: corrected, or taken apart at a "no"."""
