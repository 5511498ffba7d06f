"""Which versions of a model are served: watching, loading, handing over."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tfprompt.errors import ModelNotFoundError, RequestError, ServingError
from tfprompt.serving import codes
from tfprompt.serving.local.base_directory import fingerprint, list_versions
from tfprompt.serving.local.servable import Servable
from tfprompt.serving.version_status import VersionStatus

_LOG = logging.getLogger(__name__)
# How many versions that are gone are still told of.
_REMEMBERED = 16


@dataclasses.dataclass
class _Held:
    servable: Servable
    users: int = 0
    retired: bool = False


class VersionManager:
    """Serves the highest versions that load.

    A new version is loaded and warmed up while the old one answers; then new requests go to the
    new one, and the old one is dropped when its last request is done. A version that fails to
    load changes nothing but its status, and is tried again when its files change.

    Args:
        name: of the model, for messages.
        base: the directory of the versions.
        load: makes a servable of a directory and a number, warmed up.
        keep: how many versions to serve at a time.
        labels: label → version.
        on_change: called after each change of what is served.
    """

    def __init__(
        self,
        name: str,
        base: Path,
        load: Callable[[Path, int], Servable],
        *,
        keep: int = 1,
        labels: Mapping[str, int] | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.base = base
        self.labels = dict(labels or {})
        self._load, self._keep, self._on_change = load, keep, on_change
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}
        self._statuses: dict[int, VersionStatus] = {}
        self._failed: dict[int, object] = {}
        self._dropped = False
        self._polling = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def poll(self) -> None:
        """Looks at the directory once, and loads and drops what that asks for."""
        with self._polling:
            self._poll()

    def _poll(self) -> None:
        if self._dropped:
            # A loaded module refers to itself in circles, and its weights are worth collecting.
            self._dropped = False
            gc.collect()
        found = list_versions(self.base)
        chosen: list[int] = []
        for version in sorted(found.keys() | self._held.keys(), reverse=True):
            if len(chosen) == self._keep:
                break
            if version in found and (version in self._held or self._try(version, found[version])):
                chosen.append(version)
        if chosen:  # Else the directory is gone or broken: what is loaded is better than nothing.
            self._retire([version for version in self._held if version not in chosen])

    def _try(self, version: int, directory: Path) -> bool:
        seen = fingerprint(directory)
        if self._failed.get(version) == seen:
            return False
        self._set(VersionStatus(version, "LOADING"))
        try:
            servable = self._load(directory, version)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the old one goes on
            code = _code(error)
            message = f"{type(error).__name__}: {str(error).strip()[:500]}"
            # Before the watching begins, who started it raises what the status says.
            level = logging.DEBUG if self._thread is None else logging.WARNING
            _LOG.log(level, "version %d of %s does not load: %s", version, self.name, message)
            self._failed[version] = seen
            self._set(VersionStatus(version, "END", code, message))
            return False
        with self._lock:
            self._held[version] = _Held(servable)
        self._failed.pop(version, None)
        self._set(VersionStatus(version, "AVAILABLE"))
        _LOG.debug("version %d of %s is served", version, self.name)
        return True

    def _retire(self, versions: list[int]) -> None:
        for version in versions:
            with self._lock:
                held = self._held.pop(version)
                held.retired = True
                idle = held.users == 0
            self._set(VersionStatus(version, "END" if idle else "UNLOADING"))
            self._dropped = self._dropped or idle

    def _set(self, status: VersionStatus) -> None:
        with self._lock:
            self._statuses[status.version] = status
            gone = [v for v in sorted(self._statuses) if self._statuses[v].state == "END"]
            for version in gone[:-_REMEMBERED]:
                del self._statuses[version]
        self._on_change()

    @contextlib.contextmanager
    def acquire(self, version: int | None = None, label: str = "") -> Iterator[Servable]:
        """The servable of a version, by default the highest, kept loaded while the block runs.

        Raises:
            ModelNotFoundError: the version is not served.
            RequestError: the label is not known.
        """
        if label:
            if label not in self.labels:
                raise RequestError(f"Unrecognized servable version label: {label}")
            version = self.labels[label]
        with self._lock:
            chosen = max(self._held, default=None) if version is None else version
            held = None if chosen is None else self._held.get(chosen)
            if held is None:
                which = f"Latest({self.name})" if version is None else f"{self.name}, {version}"
                raise ModelNotFoundError(f"Servable not found for request: {which}")
            held.users += 1
        try:
            yield held.servable
        finally:
            with self._lock:
                held.users -= 1
                last = held.retired and held.users == 0
            if last:
                self._dropped = True
                self._set(VersionStatus(held.servable.version, "END"))

    def statuses(self) -> list[VersionStatus]:
        """What is known of each version, the highest first."""
        with self._lock:
            return [self._statuses[version] for version in sorted(self._statuses, reverse=True)]

    def available(self) -> list[int]:
        """The versions that answer."""
        with self._lock:
            return sorted(self._held)

    def watch(self, poll_seconds: float) -> None:
        """Polls in a thread of its own until `stop`."""
        self._thread = threading.Thread(
            target=self._watch, args=(poll_seconds,), name="versions", daemon=True
        )
        self._thread.start()

    def _watch(self, poll_seconds: float) -> None:
        while not self._stop.wait(poll_seconds):
            try:
                self.poll()
            except Exception:  # noqa: BLE001 - a watcher that dies would never be missed
                _LOG.exception("looking for versions in %s failed", self.base)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ends the polling; a load that runs is not waited for longer than `timeout_s`."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)


def _code(error: Exception) -> str:
    if isinstance(error, ServingError):
        return error.code
    # TensorFlow's own errors carry the number of their gRPC status.
    return codes.name(getattr(error, "error_code", codes.number("UNKNOWN")))
