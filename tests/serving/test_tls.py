"""Encrypted connections: whom a client trusts, and how it shows who it is."""

from __future__ import annotations

import asyncio
import http.server
import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2

from tests.serving.certificates import Authority
from tfprompt.errors import ConfigError, UnavailableError
from tfprompt.serving import AsyncClient, Client, RetryPolicy, Tls

NEVER = RetryPolicy(attempts=1)
STATUS = (
    b'{"model_version_status": [{"version": "1", "state": "AVAILABLE", '
    b'"status": {"error_code": "OK", "error_message": ""}}]}'
)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(STATUS)))
        self.end_headers()
        self.wfile.write(STATUS)

    def log_message(self, *_: Any) -> None:
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A handshake that fails is what some tests want."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), "authority")


@pytest.fixture(scope="module")
def files(authority: Authority) -> dict[str, tuple[Path, Path]]:
    return {name: authority.issue(name) for name in ("server", "client")}


@pytest.fixture(scope="module")
def addresses(authority: Authority, files: Any) -> Iterator[dict[str, str]]:
    """Servers of GetModelStatus, two of which ask for a client's certificate."""
    certificate, key = files["server"]
    stops = []
    found = {}
    for name, mutual in (("", False), ("-mutual", True)):
        server = grpc.server(futures.ThreadPoolExecutor(2))
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=1, state=30)
        handler = grpc.unary_unary_rpc_method_handler(
            lambda body, context, r=response: r.SerializeToString()
        )
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    "tensorflow.serving.ModelService", {"GetModelStatus": handler}
                ),
            )
        )
        credentials = grpc.ssl_server_credentials(
            [(key.read_bytes(), certificate.read_bytes())],
            authority.certificate.read_bytes() if mutual else None,
            mutual,
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        stops.append(lambda s=server: s.stop(0).wait())
        found[f"grpc{name}"] = f"localhost:{port}"

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if mutual:
            context.load_verify_locations(authority.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        web = QuietServer(("127.0.0.1", 0), Handler)
        web.socket = context.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        stops.append(web.shutdown)
        found[f"rest{name}"] = f"https://localhost:{web.server_address[1]}"
    yield found
    for stop in stops:
        stop()


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_trusted_server(addresses: dict[str, str], authority: Authority, protocol: str) -> None:
    tls = Tls(root_certificates=authority.certificate)

    async def ask() -> str:
        async with AsyncClient(addresses[protocol], "m", tls=tls, timeout_s=60) as client:
            return (await client.status())[0].state

    with Client(addresses[protocol], "m", tls=tls, timeout_s=60) as client:
        assert client.status()[0].state == "AVAILABLE"
    assert asyncio.run(ask()) == "AVAILABLE"


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
@pytest.mark.parametrize("roots", ["system", "another"])
def test_a_server_that_nobody_vouches_for(
    addresses: dict[str, str], tmp_path: Path, protocol: str, roots: str
) -> None:
    tls = Tls() if roots == "system" else Tls(Authority(tmp_path, "another").certificate)
    with Client(addresses[protocol], "m", tls=tls, retry=NEVER, timeout_s=30) as client:
        with pytest.raises(UnavailableError):
            client.status()


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_server_that_asks_who_it_is(
    addresses: dict[str, str], authority: Authority, files: Any, protocol: str
) -> None:
    certificate, key = files["client"]
    known = Tls(authority.certificate, certificate, key)
    with Client(addresses[f"{protocol}-mutual"], "m", tls=known, timeout_s=60) as client:
        assert client.status()[0].state == "AVAILABLE"
    unknown = Tls(authority.certificate)
    with Client(
        addresses[f"{protocol}-mutual"], "m", tls=unknown, retry=NEVER, timeout_s=30
    ) as client:
        with pytest.raises(UnavailableError):
            client.status()


def test_a_name_that_is_not_in_the_certificate(
    addresses: dict[str, str], authority: Authority
) -> None:
    tls = Tls(authority.certificate, server_name="elsewhere.example")
    with Client(addresses["grpc"], "m", tls=tls, retry=NEVER, timeout_s=30) as client:
        with pytest.raises(UnavailableError):
            client.status()


def test_files_that_cannot_be_used(addresses: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for protocol in ("grpc", "rest"):
        with Client(addresses[protocol], "m", tls=Tls(tmp_path / "no.pem")) as client:
            with pytest.raises(ConfigError, match="no.pem"):
                client.status()
    with Client(addresses["rest"], "m", tls=Tls(tmp_path / "empty.pem")) as client:
        with pytest.raises(ConfigError, match="empty.pem"):
            client.status()
    with pytest.raises(ConfigError, match="go together"):
        Tls(certificate="a.pem")
