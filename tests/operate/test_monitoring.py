"""Dashboard, alarms and scraping name only what the server shows."""

from __future__ import annotations

import json
import mmap
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import tensorflow as tf
import yaml

from tests.operate.conftest import SERVING
from tests.operate.messages import message
from tests.operate.test_configs import parsed

FOLDER = SERVING / "monitoring"
# Written by Prometheus itself for each target, and the labels it adds.
OWN_METRICS = {"up": set[str]()}
OWN_LABELS = {"job", "instance"}


def facts() -> dict[str, tuple[str, set[str]]]:
    """Kind and labels of each metric, by the name that the server registers."""
    found = {}
    for line in (SERVING / "metrics.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, kind, labels = line.split()
            assert kind in ("counter", "gauge", "histogram") and name not in found
            found[name] = (kind, set() if labels == "-" else set(labels.split(",")))
    return found


def shown() -> dict[str, set[str]]:
    """Labels by the name on the page, as prometheus_exporter.cc makes it."""
    series = dict(OWN_METRICS)
    for name, (kind, labels) in facts().items():
        page_name = re.sub("[^a-zA-Z0-9_]", ":", name)
        if kind == "histogram":
            series |= {f"{page_name}_{suffix}": labels for suffix in ("sum", "count")}
            series[f"{page_name}_bucket"] = labels | {"le"}
        else:
            series[page_name] = labels
    return series


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
PANELS = DASHBOARD["panels"]
DASHBOARD_QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
QUERIES = [rule["expr"] for rule in rules()] + DASHBOARD_QUERIES


def test_names_are_made_as_the_exporter_makes_them() -> None:
    assert shown()[":tensorflow:serving:request_count"] == {"model_name", "status"}
    name = ":tensorflow:serving:batching_session:queuing_latency_bucket"
    assert shown()[name] == {"thread_pool_name", "le"}


def test_tensorflow_registers_its_own_metrics() -> None:
    """Those that TensorFlow, not its server, registers are in the library that is installed."""
    wanted = {name for name in facts() if not name.startswith("/tensorflow/serving/")}
    assert wanted
    missing = set(wanted)
    for library in Path(tf.sysconfig.get_lib()).glob("libtensorflow_*.so*"):
        with open(library, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            missing -= {name for name in missing if data.find(name.encode() + b"\0") >= 0}
    assert missing == set()


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_what_is_shown(query: str) -> None:
    # Grafana puts a duration there.
    tree = promql_parser.parse(query.replace("$__rate_interval", "5m"))
    series = shown()
    labels: set[str] = set()
    for selector in selectors(tree):
        assert selector.name in series, selector.name
        labels |= series[selector.name] | OWN_LABELS
        for matcher in selector.matchers.matchers:
            assert matcher.name in series[selector.name] | OWN_LABELS
    for grouping in re.findall(r"(?:by|on) \(([^)]*)\)", query):
        assert {label.strip() for label in grouping.split(",")} <= labels


def selectors(tree: Any) -> list[Any]:
    found: list[Any] = []

    def look(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(tree, pre_visit=look)
    assert found
    return found


def test_counters_are_read_as_rates_and_histograms_by_bucket() -> None:
    """A quantile needs `le`; a counter's value alone says how long the server has been up."""
    for query in QUERIES:
        if "histogram_quantile" in query:
            assert "sum by (le" in query and "_bucket" in query
        for name in re.findall(r":tensorflow:serving:request_count", query):
            assert f"rate({name}" in query


def test_alarms_are_complete_and_explained() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    readme = (SERVING / "README.md").read_text("utf-8")
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert f"`{rule['alert']}`" in readme
    explained = set(re.findall(r"^\| `(\w+)` \|", readme, flags=re.M))
    assert explained == set(names)


def test_labels_of_a_summary_are_those_of_its_query() -> None:
    for rule in rules():
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert all(label in rule["expr"] or label in OWN_LABELS | {"model_path"} for label in used)


def test_prometheus_reads_the_page_that_is_configured(tmp_path: Path) -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    (job,) = config["scrape_configs"]
    monitoring = parsed("config/monitoring.config", message("MonitoringConfig"))
    assert job["metrics_path"] == monitoring.prometheus_config.path
    services = yaml.safe_load((SERVING / "compose.yaml").read_text("utf-8"))["services"]
    for target in job["static_configs"][0]["targets"]:
        assert target.split(":")[0] in services
    assert config["rule_files"] == ["alerts.yml"]
    for query in QUERIES:
        for name in re.findall(r'job="([^"]+)"', query):
            assert name == job["job_name"]


def test_promtool_agrees() -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool is not installed (package `prometheus`)")
    for command in (["check", "config", str(FOLDER / "prometheus.yml")],
                    ["test", "rules", str(Path(__file__).parent / "alerts_test.yml")]):  # fmt: skip
        done = subprocess.run([promtool, *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_whole() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for part in [*PANELS, variables["model"]]:
        assert part["datasource"]["uid"] == "${datasource}"
    used = {name for query in DASHBOARD_QUERIES for name in re.findall(r"\$(\w+)", query)}
    assert used - {"__rate_interval"} <= set(variables)
    metric = re.fullmatch(r"label_values\((\S+), (\w+)\)", variables["model"]["query"])
    assert metric and metric[2] in shown()[metric[1]]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells


def test_grafana_finds_its_files() -> None:
    source = yaml.safe_load((FOLDER / "grafana-datasource.yml").read_text("utf-8"))
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    provider = yaml.safe_load((FOLDER / "grafana-dashboards.yml").read_text("utf-8"))
    path = provider["providers"][0]["options"]["path"]
    assert f"./monitoring/dashboard.json:{path}/" in (SERVING / "compose.yaml").read_text("utf-8")
