"""The files of the demo page, and how they are served."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests import toy
from tests.cli.conftest import cli
from tests.serving.conftest import FREE
from tests.serving.page import TITLES, Shown
from tests.serving.process import Process
from tfprompt.errors import ConfigError, ExportError
from tfprompt.serving import LocalServer, ServerConfig, write_demo_page

SOURCES = Path(write_demo_page.__code__.co_filename).parent / "page"


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(shown: Shown, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_page(shown.base, tmp_path_factory.mktemp("written") / "films")


@pytest.fixture(scope="module")
def http(adds: Path, written: Path) -> Iterator[httpx2.Client]:
    """The page before another model: files are files."""
    (written.parent / "secret.json").write_text("{}")
    (written / ".hidden").write_text("secret")
    (written / "link.json").symlink_to(written.parent / "secret.json")
    (written / "plain").write_text("<b>text</b>")
    with LocalServer(adds, ServerConfig(**FREE, pages=written)) as server:
        address = f"http://127.0.0.1:{server.rest_port}"
        with httpx2.Client(base_url=address, trust_env=False, timeout=60) as http:
            yield http


def test_what_is_written(shown: Shown, written: Path) -> None:
    catalog, about = read(written / "catalog.json"), read(written / "model.json")
    assert dict(zip(catalog["ids"], catalog["titles"], strict=True)) == shown.titles
    assert catalog["titles"][3] == TITLES["i3"]
    assert (about["name"], about["version"], about["k"]) == ("films", "1", 8)
    assert about["prompts"] == ["default", "de"]
    assert about["template"] == shown.model.encoder.template.source
    asked = about["signatures"]["recommend"]
    assert asked["history"] == {"dtype": "string", "rank": 2}
    assert asked["age"] == {"dtype": "float32", "rank": 1}
    assert asked["timestamp"] == {"dtype": "int64", "rank": 1}
    assert about["signatures"]["score"].keys() == asked.keys() - {"k", "exclude"} | {"candidates"}


def test_titles_come_from_a_table(shown: Shown, tmp_path: Path) -> None:
    table = tmp_path / "items.csv"
    table.write_text("item_id,title\ni0,Zéro\nelsewhere,Other\n", encoding="utf-8")
    page = write_demo_page(shown.base / "1", tmp_path / "page", name="shop", items=table)
    assert read(page / "catalog.json")["titles"][:2] == ["Zéro", "i1"]
    assert read(page / "model.json")["name"] == "shop"
    table.write_text("item_id,title\nelsewhere,Other\n")
    with pytest.raises(ConfigError, match="none of whose ids"):
        write_demo_page(shown.base, tmp_path / "other", items=table)
    assert not (tmp_path / "other").exists()


def test_an_older_page_is_replaced_and_nothing_else(shown: Shown, tmp_path: Path) -> None:
    page = write_demo_page(shown.base, tmp_path / "page")
    (page / "app.js").write_text("old")
    (page / "catalog.json").unlink()
    write_demo_page(shown.base, page)
    assert (page / "app.js").read_text() == (SOURCES / "app.js").read_text()
    assert (page / "catalog.json").exists()
    (page / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="mine.txt"):
        write_demo_page(shown.base, page)
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("another page")
    with pytest.raises(ConfigError, match="replaces only an older page"):
        write_demo_page(shown.base, other)
    assert [path.name for path in other.iterdir()] == ["index.html"]
    (other / "index.html").unlink()
    assert write_demo_page(shown.base, other) == other  # An empty directory is as good as none.
    with pytest.raises(ConfigError, match="is a file"):
        write_demo_page(shown.base, page / "mine.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "page"]


def test_models_that_no_page_can_show(
    recommends: Path, adds: Path, tmp_path: Path, own_home: Path
) -> None:
    with pytest.raises(ExportError, match="model_card.json"):
        write_demo_page(recommends, tmp_path / "page")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match="holds none"):
        write_demo_page(tmp_path / "empty", tmp_path / "page")
    with pytest.raises(ExportError, match="no directory"):
        write_demo_page(tmp_path / "nowhere", tmp_path / "page")
    model = toy.retriever("{soft:2} watched {history:items}")
    model.export(tmp_path / "tokens" / "1", tokens=True, check=False)
    with pytest.raises(ExportError, match="without tokens"):
        write_demo_page(tmp_path / "tokens", tmp_path / "page")
    card = adds / "1" / "assets.extra" / "model_card.json"
    card.parent.mkdir()
    try:
        card.write_text((tmp_path / "tokens/1/assets.extra/model_card.json").read_text())
        with pytest.raises(ExportError, match="signature `recommend`"):
            write_demo_page(adds, tmp_path / "page")
    finally:
        card.unlink()
        card.parent.rmdir()
    assert not (tmp_path / "page").exists()


def test_every_file_that_is_named_is_there(written: Path) -> None:
    text = {path.name: path.read_text() for path in SOURCES.iterdir()}
    html = text["index.html"]
    named = re.findall(r'(?:src|href)="([^"]+)"', html)
    for name, code in text.items():
        if name.endswith(".js"):
            named += re.findall(r'from "\./([^"]+)"', code)
            # Titles are text: nothing here parses HTML.
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", code
            )
            used = re.findall(r'byId\("([^"]+)"\)', code)
            assert [used_id for used_id in used if f'id="{used_id}"' not in html] == []
    assert {"app.js", "style.css", "why.js"} <= set(named)
    assert [name for name in named if name not in text or not (written / name).is_file()] == []
    for name, code in text.items():
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", code) == [], name


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css"),
     ("/icon.svg", "image/svg+xml"), ("/model.json", "application/json")],
)  # fmt: skip
def test_files_have_a_type_and_trust_nobody(http: httpx2.Client, path: str, kind: str) -> None:
    found = http.get(path)
    assert found.status_code == 200
    assert found.headers["content-type"].partition(";")[0] == kind
    policy = found.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    again = http.get(path, headers={"If-None-Match": found.headers["etag"]})
    assert again.status_code == 304


def test_nothing_beside_the_page_is_served(http: httpx2.Client, written: Path) -> None:
    places = (
        "/.hidden", "/link.json", "/../secret.json", "/%2e%2e/secret.json", "/..%2fsecret.json",
        "/x/../../secret.json", f"/{written.parent}/secret.json", "//etc/passwd", "/%00",
        "/..%5csecret.json",
    )  # fmt: skip
    for path in places:
        found = http.get(path)
        assert found.status_code == 404, path
        assert found.headers["x-content-type-options"] == "nosniff"
    # What has no known ending is no page.
    assert "html" not in http.get("/plain").headers["content-type"]
    assert http.post("/app.js").status_code == 405
    api = http.get("/v1/models/adds")
    assert api.status_code == 200 and api.headers["x-content-type-options"] == "nosniff"
    assert http.get("/", headers={"Host": "evil.example"}).status_code == 403


def test_pages_need_an_index(tmp_path: Path) -> None:
    for pages in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="index.html"):
            ServerConfig(pages=pages)


def test_the_command(shown: Shown, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page"
    done = cli(capsys, "demo-page", str(shown.base), "--output", str(page), "--json")
    assert done.status == 0 and json.loads(done.out) == {"directory": str(page)}
    done = cli(capsys, "demo-page", str(shown.base / "1"), "--output", str(page))
    assert done.status == 0 and f"tfprompt serve {shown.base} --page {page}" in done.out
    done = cli(capsys, "demo-page", str(tmp_path), "--output", str(page))
    assert done.status == 2 and len(done.err.splitlines()) == 1
    done = cli(capsys, "serve", str(shown.base), "--page", str(page), "--demo-page")
    assert done.status == 2 and "Give one" in done.err


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_page_for_as_long_as_the_server(
    shown: Shown, recommends: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model that loads at once, with what the page reads of an exported one.
    base = tmp_path / "shop"
    shutil.copytree(recommends, base)
    for name in ("assets/items.txt", "assets.extra/model_card.json"):
        (base / "1" / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(shown.base / "1" / name, base / "1" / name)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Process(base, "--demo-page", "--name", "demo") as process:
        with httpx2.Client(base_url=process.rest_address, trust_env=False, timeout=60) as http:
            assert "app.js" in http.get("/").text
            assert http.get("/model.json").json()["name"] == "demo"
            # It has no titles, so that ids stand for them.
            assert http.get("/catalog.json").json()["titles"][:2] == ["i0", "i1"]
            assert http.get("/v1/models/demo").status_code == 200
        assert list(tmp_path.glob("tfprompt-page-*"))
        process.signal(signal.SIGTERM)
        status, err = process.end()
    assert status == 0 and f"Page: {process.rest_address}/" in err
    assert not list(tmp_path.glob("tfprompt-page-*"))
