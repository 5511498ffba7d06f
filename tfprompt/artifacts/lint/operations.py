"""The operations that an artifact is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tfprompt.artifacts.lint.report import Check

_PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")
_COMPILED = "_XlaMustCompile"
# TensorFlow Decision Forests, whose inference a server links.
_FORESTS = "SimpleML"


def nodes_of(graph: Any) -> Iterator[Any]:
    """Every node of a graph and of its functions."""
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def check_python(graph: Any) -> Check:
    """Nothing calls Python."""
    found = sorted({f"{node.op} {node.name}" for node in nodes_of(graph) if node.op in _PYTHON})
    return Check(
        "python",
        "no operation calls Python",
        tuple(found),
        "A server has no Python: write what tf.py_function or tf.numpy_function did with "
        "TensorFlow operations.",
    )


def check_compiled(graph: Any) -> Check:
    """Nothing must be compiled by XLA."""
    found = {
        f"{node.name}" for node in nodes_of(graph) if node.attr[_COMPILED].b
    } | {
        function.signature.name
        for function in graph.graph_def.library.function
        if function.attr[_COMPILED].b
    }  # fmt: skip
    return Check(
        "compiled",
        "nothing must be compiled by XLA",
        tuple(sorted(found)),
        "Save without jit_compile=True: a stock server has XLA turned off, and such a function "
        "fails on its first request.",
    )


def check_operations(unknown: list[str], skipped: str = "") -> Check:
    """A server knows every operation.

    Args:
        unknown: operations that neither TensorFlow nor TensorFlow Text registers.
        skipped: why that is not known, "" where it is.
    """
    found = [name for name in unknown if not name.startswith(_FORESTS)]
    return Check(
        "operations",
        "every operation is of TensorFlow, TensorFlow Text or Decision Forests",
        tuple(sorted(found)),
        "A stock server links no other libraries (ScaNN among them). Leave the operation out, or "
        "build a server with it.",
        skipped,
    )
