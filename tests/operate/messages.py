"""Protocol buffers that the package `tensorflow-serving-api` leaves out, built field by field.

Sources: tensorflow_serving/config/ssl_config.proto, config/monitoring_config.proto and
BatchingParameters of servables/tensorflow/session_bundle_config.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

Field = descriptor_pb2.FieldDescriptorProto
STRING, BOOL, INT64 = Field.TYPE_STRING, Field.TYPE_BOOL, Field.TYPE_INT64
INT64_VALUE, STRING_VALUE, BOOL_VALUE = (
    f".google.protobuf.{name}" for name in ("Int64Value", "StringValue", "BoolValue")
)
# Message → field → (number, type or message, repeated).
MESSAGES: dict[str, dict[str, tuple[int, int | str, bool]]] = {
    "SSLConfig": {
        "server_key": (1, STRING, False),
        "server_cert": (2, STRING, False),
        "custom_ca": (3, STRING, False),
        "client_verify": (4, BOOL, False),
    },
    "PrometheusConfig": {"enable": (1, BOOL, False), "path": (2, STRING, False)},
    "MonitoringConfig": {"prometheus_config": (1, ".tensorflow.serving.PrometheusConfig", False)},
    "BatchingParameters": {
        "max_batch_size": (1, INT64_VALUE, False),
        "batch_timeout_micros": (2, INT64_VALUE, False),
        "max_enqueued_batches": (3, INT64_VALUE, False),
        "num_batch_threads": (4, INT64_VALUE, False),
        "thread_pool_name": (5, STRING_VALUE, False),
        "allowed_batch_sizes": (6, INT64, True),
        "pad_variable_length_inputs": (7, BOOL, False),
        "enable_large_batch_splitting": (8, BOOL_VALUE, False),
        "max_execution_batch_size": (9, INT64_VALUE, False),
    },
}


def message(name: str) -> Any:
    """An empty message of that name."""
    file = descriptor_pb2.FileDescriptorProto(
        name="serving.proto", package="tensorflow.serving", syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )  # fmt: skip
    for title, fields in MESSAGES.items():
        made = file.message_type.add(name=title)
        for field, (number, kind, repeated) in fields.items():
            label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            described = made.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                described.type, described.type_name = Field.TYPE_MESSAGE, kind
            else:
                described.type = kind
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    pool.Add(wrappers)
    pool.Add(file)
    described = pool.FindMessageTypeByName(f"tensorflow.serving.{name}")
    return message_factory.GetMessageClass(described)()
