"""The files of an encrypted connection."""

from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path
from typing import Any

from tfprompt.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Tls:
    """Encrypts a connection, and says whom to trust. Files are PEM.

    Args:
        root_certificates: authorities that sign the server's certificate; None trusts those of
            the system.
        certificate: of the client, where the server asks for one.
        key: of the client's certificate.
        server_name: the name in the server's certificate, where it is not the one that the
            address has; gRPC only.

    Raises:
        ConfigError: a certificate without its key, or a key without its certificate.
    """

    root_certificates: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str = ""

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("A client certificate and its key go together. Received: one.")

    def grpc_credentials(self) -> Any:
        """For a gRPC channel.

        Raises:
            ConfigError: a file cannot be read.
        """
        import grpc

        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.root_certificates),
            private_key=_read(self.key),
            certificate_chain=_read(self.certificate),
        )

    def context(self) -> ssl.SSLContext:
        """For HTTPS.

        Raises:
            ConfigError: a file cannot be read, or holds no certificate.
        """
        try:
            roots = self.root_certificates
            context = ssl.create_default_context(cafile=None if roots is None else str(roots))
            if self.certificate is not None and self.key is not None:
                context.load_cert_chain(str(self.certificate), str(self.key))
        except OSError as error:  # An SSLError is one too.
            raise ConfigError(f"The TLS files are PEM. Received: {self}: {error}") from error
        return context


def _read(path: str | Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"The TLS files are PEM. Received: {path}: {error}") from error
