"""What the docstrings of the room show is what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import tfprompt.evaluation

MODULES = [
    module.name
    for module in pkgutil.walk_packages(tfprompt.evaluation.__path__, "tfprompt.evaluation.")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_all_names_resolve():
    for name in tfprompt.evaluation.__all__:
        assert getattr(tfprompt.evaluation, name) is not None
