"""Every example in a docstring runs, and shows what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import tfprompt

MODULES = [m.name for m in pkgutil.walk_packages(tfprompt.__path__, "tfprompt.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_modules_say_what_they_are_for(name: str) -> None:
    assert (importlib.import_module(name).__doc__ or "").strip()
