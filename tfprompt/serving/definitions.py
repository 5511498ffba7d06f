"""The signatures that a SavedModel declares, read from its file without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def read_definitions(directory: Path) -> Any:
    """The `SignatureDefMap` of the graph that servers take.

    Args:
        directory: holds `saved_model.pb`.

    Raises:
        ValueError: no graph has the tag "serve".
    """
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow_serving.apis import get_model_metadata_pb2

    parsed = saved_model_pb2.SavedModel()
    parsed.ParseFromString((directory / "saved_model.pb").read_bytes())
    graphs = [graph for graph in parsed.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not graphs:
        raise ValueError('The SavedModel has no graph with the tag "serve".')
    definitions = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in graphs[0].signature_def.items():
        definitions.signature_def[name].CopyFrom(definition)
    return definitions


def definitions_document(definitions: Any) -> dict[str, Any]:
    """A `SignatureDefMap` in its JSON form, as REST tells it and `read_signatures` takes it."""
    from google.protobuf import json_format

    return json_format.MessageToDict(
        definitions,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
