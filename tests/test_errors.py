"""One tree of errors, each of which says where."""

from __future__ import annotations

import inspect

import pytest

from tfprompt import errors
from tfprompt._extras import need
from tfprompt.errors import ConfigError, DataError, DownloadError, TemplateError, TfpromptError


def test_one_tree_and_every_name_in_it() -> None:
    classes = {
        name for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }  # fmt: skip
    assert classes == set(errors.__all__)
    for name in classes:
        kind = getattr(errors, name)
        assert issubclass(kind, TfpromptError | UserWarning)
        assert issubclass(kind, UserWarning) == name.endswith("Warning")
        assert kind.__doc__
        # The tree in the module's docstring is the tree.
        assert name in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [("ConfigError", ValueError), ("DataError", ValueError), ("TemplateError", ValueError),
     ("DownloadError", OSError)],
)  # fmt: skip
def test_what_python_code_would_catch_anyway(kind: str, builtin: type[Exception]) -> None:
    assert issubclass(getattr(errors, kind), builtin)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "too long"),
        ({"file": "a.csv"}, "file a.csv: too long"),
        ({"row": 3}, "row 3: too long"),
        ({"file": "a.csv", "row": 3, "column": "age"}, "file a.csv, row 3, column age: too long"),
    ],
)
def test_data_errors_name_their_place(place: dict, message: str) -> None:
    error = DataError("too long", **place)
    assert str(error) == message
    assert (error.file, error.row, error.column) == tuple(
        place.get(name) for name in ("file", "row", "column")
    )


@pytest.mark.parametrize(
    ("template", "position", "lines"),
    [
        ("a {b}", 2, ["  a {b}", "    ^ (character 3)"]),
        ("one\n{b} two\nthree", 4, ["  {b} two", "  ^ (character 5)"]),
        ("one\n{b}", 6, ["  {b}", "    ^ (character 7)"]),
        ("", 0, ["  ", "  ^ (character 1)"]),
    ],
)
def test_template_errors_draw_a_pointer(template: str, position: int, lines: list[str]) -> None:
    assert str(TemplateError(template, position, "no")).split("\n") == ["no", *lines]


def test_a_download_error_keeps_its_message() -> None:
    # OSError takes a first argument alone as its message.
    assert str(DownloadError("nothing there")) == "nothing there"


def test_a_missing_package_names_its_extra() -> None:
    need("serving", "json", "logging")
    with pytest.raises(ConfigError, match=r"tfprompt\[serving\].*no_such_package"):
        need("serving", "json", "no_such_package")
