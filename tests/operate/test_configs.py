"""What the server reads at start, parsed as the server parses it."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.operate.conftest import SERVING
from tests.operate.messages import message


def parsed(name: str, into: Any) -> Any:
    return text_format.Parse((SERVING / name).read_text("utf-8"), into)


@pytest.fixture
def models() -> Any:
    config = parsed("config/models.config", model_server_config_pb2.ModelServerConfig())
    return list(config.model_config_list.config)


def test_labels_name_versions_that_are_loaded(models: Any) -> None:
    assert len({model.name for model in models}) == len(models) >= 1
    for model in models:
        assert model.model_platform == "tensorflow"
        assert model.base_path == f"/models/{model.name}"
        versions = set(model.model_version_policy.specific.versions)
        assert versions and min(versions) > 0
        assert {"stable", "canary"} <= set(model.version_labels)
        assert set(model.version_labels.values()) <= versions
        # What the server allows in a path.
        assert all(re.fullmatch(r"[a-zA-Z0-9_]+", label) for label in model.version_labels)


def test_batches_have_allowed_sizes_up_to_the_largest() -> None:
    batching = parsed("config/batching.config", message("BatchingParameters"))
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[0] == 1
    assert sizes[-1] == batching.max_batch_size.value
    # History and exclusions differ in length from request to request.
    assert batching.pad_variable_length_inputs
    assert batching.num_batch_threads.value >= 1
    assert 0 <= batching.batch_timeout_micros.value <= 10_000
    assert batching.max_enqueued_batches.value >= batching.num_batch_threads.value


def test_metrics_are_on() -> None:
    monitoring = parsed("config/monitoring.config", message("MonitoringConfig"))
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_the_example_of_tls_holds_pem_text_and_no_key() -> None:
    tls = parsed("ssl.config.example", message("SSLConfig"))
    for field, kind in (("server_key", "PRIVATE KEY"), ("server_cert", "CERTIFICATE"),
                        ("custom_ca", "CERTIFICATE")):  # fmt: skip
        lines = getattr(tls, field).splitlines()
        assert lines == [f"-----BEGIN {kind}-----", "REPLACE", f"-----END {kind}-----"]
    assert tls.client_verify


def test_the_command_of_the_readme_makes_a_key_a_string() -> None:
    script = re.search(r"^sed '(.+)' server.key$", (SERVING / "README.md").read_text("utf-8"), re.M)
    assert script
    key = "-----BEGIN PRIVATE KEY-----\nMIG/+a=\n-----END PRIVATE KEY-----\n"
    quoted = subprocess.run(["sed", script[1]], input=key, capture_output=True, text=True).stdout
    tls = text_format.Parse(f"server_key:\n{quoted}", message("SSLConfig"))
    assert tls.server_key == key


@pytest.mark.parametrize("wrong", ["max_batch_sizes { value: 1 }", "max_batch_size: 1",
                                   'allowed_batch_sizes: "1"'])  # fmt: skip
def test_the_parser_would_notice_a_mistake(wrong: str) -> None:
    with pytest.raises(text_format.ParseError):
        text_format.Parse(wrong, message("BatchingParameters"))


def known_flags() -> set[str]:
    lines = (SERVING / "flags.txt").read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def check_flags(arguments: list[str], folders: dict[str, str]) -> None:
    """Each flag exists, is given once, and a file that it names is in the repository.

    Args:
        arguments: `--flag=value`.
        folders: folder in the container → folder below `serving/`.
    """
    flags = dict(re.fullmatch(r"--(\w+)=(.+)", argument).groups() for argument in arguments)  # type: ignore[union-attr]
    assert len(flags) == len(arguments)
    assert set(flags) <= known_flags()
    for flag, value in flags.items():
        if flag.endswith("_file"):
            folder, _, name = value.rpartition("/")
            assert (SERVING / folders[folder] / name).is_file()
    # The server refuses to start with the second and without the first.
    assert flags["enable_batching"] == "true" and "batching_parameters_file" in flags
    assert int(flags["model_config_file_poll_wait_seconds"]) > 0
    # Without it, the labels of a fresh start are refused: nothing has loaded yet.
    assert flags["allow_version_labels_for_unavailable_models"] == "true"


def test_flags_of_the_readme_exist() -> None:
    text = (SERVING / "README.md").read_text("utf-8")
    # Ours and those of other commands that the run book shows.
    others = set(re.findall(r'add\("--([a-z-]+)"', (SERVING / "load_test.py").read_text("utf-8")))
    named = {flag for flag in re.findall(r"--([a-z]\w+)", text) if "_" in flag} - others
    assert named and named <= known_flags()
