"""The Compose file, against the specification and against what it mounts."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import compose_spec
import pytest
import yaml

from tests.operate.conftest import SERVING
from tests.operate.test_configs import check_flags

TEXT = (SERVING / "compose.yaml").read_text("utf-8")


@pytest.fixture
def services() -> dict[str, Any]:
    """The services with the defaults of their variables."""
    return yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", TEXT))["services"]


def test_it_is_a_compose_file() -> None:
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", TEXT)
    compose_spec.PyCompose.from_yaml(filled).validate()
    with pytest.raises(ValueError):
        compose_spec.PyCompose.from_yaml(filled.replace("read_only: true", "read_only: 3"))


def test_the_server_is_started_with_flags_that_it_has(services: dict[str, Any]) -> None:
    check_flags(services["tensorflow-serving"]["command"], {"/config": "config"})


def test_versions_are_pinned_and_can_be_chosen() -> None:
    images = re.findall(r"image: (\S+)", TEXT)
    assert len(images) == 4
    for image in images:
        assert re.fullmatch(r"[\w./-]+:\$\{[A-Z_]+_VERSION:-v?\d[\w.-]*\}", image), image
    kustomization = yaml.safe_load((SERVING / "kustomization.yaml").read_text("utf-8"))
    assert f"TF_SERVING_VERSION:-{kustomization['images'][0]['newTag']}}}" in TEXT


def test_ports_are_on_the_loopback_interface(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service["ports"]]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    assert len(set(ports)) == len(ports)


def test_what_is_mounted_exists(services: dict[str, Any]) -> None:
    made_by_the_operator = {"./certificates", "../models"}
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith(".") and source not in made_by_the_operator:
                assert (SERVING / source).exists(), source
                assert volume.endswith(":ro")


def test_the_server_has_no_rights_it_does_not_need(services: dict[str, Any]) -> None:
    server = services["tensorflow-serving"]
    assert server["read_only"] and server["cap_drop"] == ["ALL"]
    assert not server["user"].startswith("0") and server["user"] != "root"


def test_docker_agrees() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    command = [docker, "compose", "-f", str(SERVING / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
