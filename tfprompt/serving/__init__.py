"""Talks to TensorFlow Serving, and serves its protocol locally for development.

```python
with tp.serving.Client("localhost:8500", model="demo") as client:
    for item in client.recommend(history=["50", "181"], k=5):
        print(item.item_id, item.score)
```

Names are resolved on first use: a client over REST needs no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfprompt._lazy import lazy

if TYPE_CHECKING:
    from tfprompt.serving.client.answers import ModelMetadata, Outputs, Recommendations, ScoredItem
    from tfprompt.serving.client.async_client import AsyncClient
    from tfprompt.serving.client.client import Client
    from tfprompt.serving.client.requests import Request
    from tfprompt.serving.client.retry import RetryPolicy
    from tfprompt.serving.client.tls import Tls
    from tfprompt.serving.limits import Limits
    from tfprompt.serving.local.demo_page import write_demo_page
    from tfprompt.serving.local.server import LocalServer, ServerConfig
    from tfprompt.serving.signature import Signature, TensorInfo
    from tfprompt.serving.version_status import VersionStatus

_EXPORTS = {
    "AsyncClient": "client.async_client",
    "Client": "client.client",
    "Limits": "limits",
    "LocalServer": "local.server",
    "ModelMetadata": "client.answers",
    "Outputs": "client.answers",
    "Recommendations": "client.answers",
    "Request": "client.requests",
    "RetryPolicy": "client.retry",
    "ScoredItem": "client.answers",
    "ServerConfig": "local.server",
    "Signature": "signature",
    "TensorInfo": "signature",
    "Tls": "client.tls",
    "VersionStatus": "version_status",
    "write_demo_page": "local.demo_page",
}

__all__ = [
    "AsyncClient",
    "Client",
    "Limits",
    "LocalServer",
    "ModelMetadata",
    "Outputs",
    "Recommendations",
    "Request",
    "RetryPolicy",
    "ScoredItem",
    "ServerConfig",
    "Signature",
    "TensorInfo",
    "Tls",
    "VersionStatus",
    "write_demo_page",
]


__getattr__ = lazy(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
