"""The manifests, against the API's schemas (strict) and against each other."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml
from tensorflow_serving.config import model_server_config_pb2

from tests.operate.conftest import SERVING
from tests.operate.test_configs import check_flags, parsed

VERSIONS = ("1.30", "1.32", "1.34")
KUSTOMIZATION = yaml.safe_load((SERVING / "kustomization.yaml").read_text("utf-8"))


def manifests() -> list[dict[str, Any]]:
    return [
        manifest
        for name in KUSTOMIZATION["resources"]
        for manifest in yaml.safe_load_all((SERVING / name).read_text("utf-8"))
    ]


def one(kind: str) -> dict[str, Any]:
    return next(manifest for manifest in manifests() if manifest["kind"] == kind)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", manifests(), ids=lambda m: m["kind"])
def test_the_api_takes_it(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schema_would_notice_a_mistake() -> None:
    deployment = one("Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[0], strict=True)


def test_the_publisher_writes_where_the_servers_read() -> None:
    publisher = yaml.safe_load((SERVING / "publisher.yaml").read_text("utf-8"))
    for version in VERSIONS:
        kubernetes_validate.validate(publisher, version, strict=True)
    assert publisher["metadata"]["namespace"] == KUSTOMIZATION["namespace"]
    (volume,) = publisher["spec"]["volumes"]
    claim = one("PersistentVolumeClaim")["metadata"]["name"]
    assert volume["persistentVolumeClaim"] == {"claimName": claim}
    # The namespace takes only what the restricted policy allows.
    assert one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    for spec in (publisher["spec"], pod()):
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"]["runAsUser"] == 65534


def test_every_manifest_is_listed() -> None:
    listed = set(KUSTOMIZATION["resources"])
    assert listed == {f"k8s/{path.name}" for path in (SERVING / "k8s").glob("*.yaml")}


def test_kustomize_builds_what_the_api_takes() -> None:
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([kubectl, "kustomize", str(SERVING)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    for manifest in built:
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)
    # The running server reads models.config again under a name that stays; the rest is hashed.
    names = {m["metadata"]["name"] for m in built if m["kind"] == "ConfigMap"}
    assert "models-config" in names and len(names) == 2
    assert any(name.startswith("server-config-") for name in names)


def test_the_server_is_started_with_flags_that_it_has() -> None:
    arguments = container()["args"]
    check_flags(arguments, {"/config/models": "config", "/config/server": "config"})
    flags = dict(argument.lstrip("-").split("=", 1) for argument in arguments)
    cpus = container()["resources"]["limits"]["cpu"]
    batching = parsed("config/batching.config", _batching())
    assert flags["tensorflow_intra_op_parallelism"] == cpus
    assert str(batching.num_batch_threads.value) == cpus
    # Twice the largest batch waits or runs at once, so that the next one fills meanwhile.
    assert int(flags["grpc_max_threads"]) >= 2 * batching.max_batch_size.value


def _batching() -> Any:
    from tests.operate.messages import message

    return message("BatchingParameters")


def pod() -> dict[str, Any]:
    return one("Deployment")["spec"]["template"]["spec"]


def container() -> dict[str, Any]:
    return pod()["containers"][0]


def test_mounts_and_maps_fit_together() -> None:
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    assert set(volumes) == set(mounts)
    generated = {m["name"]: m["files"] for m in KUSTOMIZATION["configMapGenerator"]}
    for name, volume in volumes.items():
        if "configMap" in volume:
            for file in generated[volume["configMap"]["name"]]:
                assert (SERVING / file).is_file()
        # A file mounted by subPath is never updated.
        assert "subPath" not in mounts[name]
    claim = volumes["models"]["persistentVolumeClaim"]["claimName"]
    assert claim == one("PersistentVolumeClaim")["metadata"]["name"]


def test_selectors_find_the_pods() -> None:
    labels = one("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selectors = [one("Deployment")["spec"]["selector"]["matchLabels"],
                 one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                 one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                 *(m["spec"]["selector"] for m in manifests() if m["kind"] == "Service"),
    ]  # fmt: skip
    assert len(selectors) == 5
    assert all(selector.items() <= labels for selector in selectors)
    target = one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == one("Deployment")["metadata"]["name"]
    assert target["kind"] == "Deployment" and "replicas" not in one("Deployment")["spec"]


def test_ports_are_named_alike() -> None:
    ports = {port["name"] for port in container()["ports"]}
    for service in (m for m in manifests() if m["kind"] == "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for rule in one("NetworkPolicy")["spec"]["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= ports
    probes = [container()[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")]
    assert {p.get("tcpSocket", p.get("httpGet"))["port"] for p in probes} <= ports


def test_ready_means_that_the_label_is_served() -> None:
    config = parsed("config/models.config", model_server_config_pb2.ModelServerConfig())
    paths = {
        f"/v1/models/{model.name}/labels/{label}/metadata"
        for model in config.model_config_list.config
        for label in model.version_labels
    }
    assert container()["readinessProbe"]["httpGet"]["path"] in paths


def test_a_replica_more_than_the_budget_keeps() -> None:
    spec = one("HorizontalPodAutoscaler")["spec"]
    assert spec["minReplicas"] > one("PodDisruptionBudget")["spec"]["minAvailable"]


def test_pods_have_no_rights_they_do_not_need() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] and not pod()["automountServiceAccountToken"]
    context = container()["securityContext"]
    assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert {"requests", "limits"} == set(container()["resources"])
