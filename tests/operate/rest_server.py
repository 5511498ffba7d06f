"""A server of TensorFlow Serving's REST interface that is strict about what it is sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format

from tests.operate.prediction_server import INPUTS, signatures

TYPES = {"string": str, "float32": (int, float), "int32": int, "int64": int}


class RestServer:
    """Records bodies; answers the row and the column format as the server's page documents them.

    Args:
        silent: takes requests and never answers, until it is closed.
    """

    def __init__(self, silent: bool = False) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802
                outer.paths.append(self.path)
                self._reply(*outer.metadata(self.path))

            def do_POST(self) -> None:  # noqa: N802
                outer.paths.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if silent:
                    outer.closing.wait(30)
                    return
                self._reply(*outer.predict(self.path, body))

            def _reply(self, status: int, value: dict[str, Any]) -> None:
                body = json.dumps(value, indent=2).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Clients that give up are part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> RestServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def metadata(self, path: str) -> tuple[int, dict[str, Any]]:
        """What `/v1/models/demo/metadata` shows, int64 dimensions as strings."""
        if not path.startswith("/v1/models/demo") or not path.endswith("/metadata"):
            return 404, {"error": f"Servable not found for request: {path}"}
        shown = json_format.MessageToDict(
            signatures(),
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        kind = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        return 200, {
            "model_spec": {"name": "demo", "signature_name": "", "version": "1"},
            "metadata": {"signature_def": {"@type": kind, **shown}},
        }

    def predict(self, path: str, raw: bytes) -> tuple[int, dict[str, Any]]:
        """Checks names, types and ranks, and answers two items a row."""
        if not path.startswith("/v1/models/demo") or not path.endswith(":predict"):
            return 404, {"error": f"Servable not found for request: {path}"}
        body = json.loads(raw.decode("utf-8"))
        self.bodies.append(body)
        if body.get("signature_name", "serving_default") not in ("recommend", "serving_default"):
            return 400, {"error": f'Serving signature name: "{body["signature_name"]}" not found'}
        rows = body["instances"] if "instances" in body else _rows(body["inputs"])
        for row in rows:
            if problem := _problem(row):
                return 400, {"error": problem}
        predictions = [{"item_ids": ["i1", "i2", ""], "scores": [0.9, 0.5, -3.4e38]} for _ in rows]
        if "instances" in body:
            return 200, {"predictions": predictions}
        names = ("item_ids", "scores")
        return 200, {"outputs": {name: [p[name] for p in predictions] for name in names}}


def _rows(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _problem(row: dict[str, Any]) -> str | None:
    """What is wrong with a row, None where nothing."""
    if set(row) != set(INPUTS):
        return f"keys must be equal to: {','.join(sorted(INPUTS))}, got {','.join(sorted(row))}"
    for name, (dtype, rank) in INPUTS.items():
        values = row[name] if rank == 2 else [row[name]]
        if not isinstance(values, list) or not values:
            return f"{name} is a list that is not empty"
        if not all(isinstance(v, TYPES[dtype.name]) and not isinstance(v, bool) for v in values):
            return f"JSON Value: {values} Type: {name} is not of expected type: {dtype.name}"
        if rank == 2 and values[0] != "":
            return f"{name} begins with padding"
    return None
