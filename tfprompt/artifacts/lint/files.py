"""What can be seen of an artifact without running it: files, tag, signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfprompt.artifacts.lint.report import Check
from tfprompt.errors import ExportError

_DEFAULT = "serving_default"


def read_saved_model(directory: Path) -> Any:
    """The `SavedModel` message of an artifact.

    Raises:
        ExportError: no such file, or it does not parse.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = directory / "saved_model.pb"
    if not path.is_file():
        raise ExportError(
            f"An artifact is a directory with saved_model.pb. Received: {directory}, without one."
        )
    try:
        return saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except DecodeError as error:
        raise ExportError(f"{path} cannot be read: {error}.") from error


def check_version(directory: Path) -> Check:
    """The name of the directory is a version."""
    name = directory.resolve().name
    found = () if name.isdecimal() and name.isascii() else (f"{name!r}",)
    return Check(
        "version",
        "the directory's name is an integer",
        found,
        "TensorFlow Serving looks for BASE/<integer> and ignores all else. Rename the directory "
        "once it is complete: mv 7.tmp 7.",
    )


def check_complete(directory: Path) -> Check:
    """Every file that the artifact names is there, of its full length."""
    found = []
    index = directory / "variables" / "variables.index"
    if not (directory / "saved_model.pb").is_file():
        found.append("saved_model.pb is missing")
    if not index.is_file():
        found.append("variables/variables.index is missing")
    else:
        shards = sorted((directory / "variables").glob("variables.data-*"))
        total = int(shards[0].name.rpartition("-")[2]) if shards else 1
        if len(shards) != total:
            found.append(f"{len(shards)} of {total} files variables/variables.data-* are there")
        found += [f"variables/{path.name} is empty" for path in shards if not path.stat().st_size]
    return Check(
        "complete",
        "saved_model.pb and all variables are there",
        tuple(found),
        "The version was copied while it was written, or only in part. Write it under another "
        "name and rename it when it is complete.",
    )


def check_tag(saved_model: Any) -> Check:
    """One graph has the tag `serve`."""
    tags = [sorted(graph.meta_info_def.tags) for graph in saved_model.meta_graphs]
    found = () if ["serve"] in tags else (f"tags: {tags}",)
    return Check(
        "tag",
        'one graph has the tag "serve" alone',
        found,
        'Save with tf.saved_model.save, or with the tag "serve"; a server loads no other.',
    )


def serving_graph(saved_model: Any) -> Any:
    """The graph that a server loads, or else the first one."""
    graphs = saved_model.meta_graphs
    serving = [graph for graph in graphs if list(graph.meta_info_def.tags) == ["serve"]]
    return (serving or list(graphs))[0]


def signatures_of(graph: Any) -> dict[str, Any]:
    """The signatures that can be called, by name."""
    return {
        name: signature
        for name, signature in sorted(graph.signature_def.items())
        if not name.startswith("__") and signature.outputs
    }


def check_default(graph: Any) -> Check:
    """There is a default signature."""
    names = list(signatures_of(graph))
    return Check(
        "default-signature",
        f"there is a signature {_DEFAULT}",
        () if _DEFAULT in names else (f"signatures: {', '.join(names) or 'none'}",),
        f"Pass signatures={{{_DEFAULT!r}: function}} when saving: it answers clients that name "
        "no signature.",
    )


def check_inputs(graph: Any) -> Check:
    """Inputs have a batch dimension."""
    found = [
        f"{name}: input {key} is a scalar"
        for name, signature in signatures_of(graph).items()
        for key, info in sorted(signature.inputs.items())
        if not info.tensor_shape.unknown_rank and not info.tensor_shape.dim
    ]
    return Check(
        "inputs",
        "every input has the batch as its first dimension",
        tuple(found),
        "Take one value a row, as k of shape [B]: the row format and batching cut all inputs by "
        "their first dimension.",
    )


def check_outputs(graph: Any) -> Check:
    """Outputs have a batch dimension."""
    found = []
    for name, key, info in _outputs(graph):
        shape = info.tensor_shape
        if shape.unknown_rank:
            continue  # seen when it runs
        if not shape.dim:
            found.append(f"{name}: output {key} is a scalar")
        elif shape.dim[0].size not in (-1,):
            found.append(f"{name}: the first dimension of {key} is always {shape.dim[0].size}")
    return Check(
        "outputs",
        "every output has the batch as its first dimension",
        tuple(found),
        "Give one value a row; repeat what is the same for all. Row format and batching cut all "
        "outputs by their first dimension.",
    )


def check_types(graph: Any) -> Check:
    """Outputs have types that REST can write."""
    found = [
        f"{name}: output {key} is {tf.as_dtype(info.dtype).name}"
        for name, key, info in _outputs(graph)
        if tf.as_dtype(info.dtype) in (tf.bfloat16, tf.half, tf.complex64, tf.complex128)
    ]
    return Check(
        "types",
        "every output has a type that JSON can carry",
        tuple(found),
        "Cast outputs to float32: tf.cast(x, tf.float32).",
    )


def _outputs(graph: Any) -> Iterator[tuple[str, str, Any]]:
    for name, signature in signatures_of(graph).items():
        for key, info in sorted(signature.outputs.items()):
            yield name, key, info
