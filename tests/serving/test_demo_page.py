"""The demo page in a real browser, against a real server and what Keras says."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import toy
from tests.serving.conftest import FREE
from tests.serving.page import HTML, K, Page, Shown, chromium, missing
from tfprompt.serving import LocalServer, ServerConfig, write_demo_page

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
ESCAPE, DOWN, ENTER, BACKSPACE = "\ue00c", "\ue015", "\ue007", "\ue003"


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def address(shown: Shown, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pages = write_demo_page(shown.base, tmp_path_factory.mktemp("pages") / "films")
    with LocalServer(shown.base, ServerConfig(**FREE, pages=pages)) as server:
        yield f"http://127.0.0.1:{server.rest_port}/"


@pytest.fixture
def page(driver: Any, address: str) -> Iterator[Page]:
    """A fresh page, which must do its work without a word on the console."""
    driver.get_log("browser")
    opened = Page(driver, address)
    yield opened
    assert driver.get_log("browser") == []
    loaded = driver.execute_script("return performance.getEntries().map(entry => entry.name)")
    assert len(loaded) > 10
    assert [name for name in loaded if "://" in name and not name.startswith(address)] == []


def test_two_items_by_keyboard(page: Page, shown: Shown) -> None:
    assert page.listed() == [] and "Pick something" in page.one("#status").text
    page.type("#search", "STÀR")
    page.until(lambda: page.all("#found [role=option]"))
    box = page.one("#search")
    assert box.get_attribute("aria-expanded") == "true"
    assert page.one("#" + box.get_attribute("aria-activedescendant")).text == "star wars"
    page.type("#search", ENTER)
    assert box.get_attribute("aria-expanded") == "false"
    page.comes(shown.recommend(history=["i1"]))
    page.type("#search", "ni")  # "good night", then "night city", which begins with it
    page.until(lambda: len(page.all("#found [role=option]")) == 2)
    page.type("#search", DOWN, ENTER)
    assert [chip.text.split("\n")[0] for chip in page.all("#liked li")] == [
        "star wars",
        "good night",
    ]
    page.comes(shown.recommend(history=["i1", "i4"]))
    assert page.one("#status").text == f"{K} recommendations"
    titles = [title.text for title in page.all("#results .title")]
    assert titles == [shown.titles[item] for item in page.listed()]
    # What was found last stays in the order of the history: the oldest goes first.
    page.type("#search", BACKSPACE)
    page.comes(shown.recommend(history=["i1"]))
    page.one("#liked button").click()
    page.until(lambda: page.listed() == [])


def test_search_finds_without_diacritics_and_closes(page: Page, shown: Shown) -> None:
    page.type("#search", "amelie")
    page.until(lambda: len(page.all("#found [role=option]")) == 1)
    page.type("#search", ESCAPE)
    assert not page.one("#found").is_displayed()
    page.type("#search", " qq")
    page.until(lambda: page.all("#found .nothing"))
    page.type("#search", ENTER)
    assert page.all("#liked li") == []
    page.one("#search").clear()
    page.type("#search", "red")
    page.until(lambda: len(page.all("#found [role=option]")) == 1)
    page.one("#found li").click()
    page.comes(shown.recommend(history=["i2"]))


def test_a_wish_and_the_number_of_results(page: Page, shown: Shown) -> None:
    page.type("#wish", "red queen")
    page.comes(shown.recommend(wish="red queen"))
    page.pick("star")
    both = shown.recommend(history=["i1"], wish="red queen")
    assert both != shown.recommend(history=["i1"])
    page.comes(both)
    page.type("#k", BACKSPACE, "3")
    page.comes(both[:3])


def test_columns_are_those_of_the_template(page: Page, shown: Shown) -> None:
    from selenium.webdriver.support.expected_conditions import staleness_of

    labels = [label.text for label in page.all("#columns label")]
    assert sorted(labels) == ["Age", "Occupation", "Timestamp"]
    page.pick("star")
    page.type("#column-occupation", "artist")
    page.type("#column-age", "24.5")
    profile = {"occupation": "artist", "age": 24.5}
    page.comes(shown.recommend(history=["i1"], profile=profile))
    hours = [datetime.datetime.now(datetime.UTC).hour]
    before = page.one("#results .score")
    page.choose("#column-timestamp", "now")
    # The list is drawn anew; at some hours its scores change behind the third digit alone.
    page.until(lambda: staleness_of(before)(page.driver))
    hours.append(datetime.datetime.now(datetime.UTC).hour)
    said = [shown.recommend(history=["i1"], profile={**profile, "hour": hour}) for hour in hours]
    page.until(lambda: page.listed() in said)


def test_the_prompt_is_chosen(page: Page, shown: Shown) -> None:
    page.pick("star")
    own = shown.recommend(history=["i1"])
    page.comes(own)
    page.choose("#prompt", "de")
    with shown.other_prompt():
        other = shown.recommend(history=["i1"])
    assert other != own
    page.comes(other)
    page.choose("#prompt", "default")
    page.comes(own)


def test_why_tells_what_is_lost_without_each_part(page: Page, shown: Shown) -> None:
    request = {"history": ["i1", "i4", "i9"], "wish": "red", "profile": {"occupation": "artist"}}
    for title in ("star", "good", "action"):
        page.pick(title)
    page.type("#wish", "red")
    page.type("#column-occupation", "artist")
    page.comes(shown.recommend(**request))
    everything = shown.scores(**request)
    lacking = {
        "you liked star wars": {"history": ["i4", "i9"]},
        "you liked good night": {"history": ["i1", "i9"]},
        "you liked action comedy": {"history": ["i1", "i4"]},
        "of your wish": {"wish": ""},
        "of occupation artist": {"profile": {}},
    }
    largest = 0.0
    for item in (page.listed()[0], page.listed()[4]):
        found = page.reasons(item)
        assert len(found) == len(lacking)
        for (text, value), (part, left) in zip(found, lacking.items(), strict=True):
            lost = everything[item] - shown.scores(**{**request, **left})[item]
            assert text.endswith(part)
            assert text.startswith("Because" if value > 0 else ("Because", "Although", "In spite"))
            # Three places are shown, so half of the last one is lost.
            assert value == pytest.approx(lost, abs=1e-3)
            largest = max(largest, abs(lost))
    assert largest > 0.02  # Else every number would pass.
    calls = "return performance.getEntries().filter(e => e.name.endsWith(':predict')).length"
    before = page.driver.execute_script(calls)
    page.reasons(page.listed()[1])
    assert page.driver.execute_script(calls) == before  # One request told of all items.


def test_the_latest_answer_wins(page: Page, shown: Shown) -> None:
    slow = {"offline": False, "latency": 3000, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_script(
        "window.seen = []; new MutationObserver(() => seen.push(document.querySelectorAll("
        "'#results > li').length)).observe(document.getElementById('results'), {childList: true})"
    )
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        page.pick("star")
        page.until(lambda: page.one("#results").get_attribute("aria-busy") == "true")
        page.pick("good")
        page.comes(shown.recommend(history=["i1", "i4"]))
    finally:
        page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**slow, "latency": 0})
        page.driver.execute_cdp_cmd("Network.disable", {})
    # The first request was under way and given up: one list was drawn, not two.
    assert page.driver.execute_script("return seen") == [K]


def test_every_input_of_any_signature_is_sent(page: Page) -> None:
    types = {
        "history": ("string", 2), "history_ratings": ("float32", 2), "exclude": ("string", 2),
        "candidates": ("string", 2), "tags": ("string", 2), "wish": ("string", 1),
        "k": ("int32", 1), "price": ("float32", 1), "whole": ("int32", 1),
        "timestamp": ("int64", 1),
    }  # fmt: skip
    signature = {name: {"dtype": dtype, "rank": rank} for name, (dtype, rank) in types.items()}
    requests = [
        {"history": ["a", "b"], "exclude": ["c"], "candidates": ["x"], "k": 3, "columns": {}},
        {
            "history": [],
            "wish": "w",
            "candidates": ["y"],
            "columns": {"price": "1.5", "whole": "2"},
        },
    ]
    script = (
        "const [signature, requests, done] = arguments; import('/inputs.js').then(({inputsOf}) =>"
        "done(JSON.stringify(inputsOf(signature, requests), (key, value) =>"
        "Number.isNaN(value) ? 'NaN' : value)))"
    )
    assert json.loads(page.driver.execute_async_script(script, signature, requests)) == {
        "history": [["", "a", "b"], ["", "", ""]],
        "history_ratings": [["NaN"] * 3] * 2,
        "exclude": [["", "c"], ["", ""]],
        "candidates": [["x"], ["y"]],
        "tags": [[""], [""]],
        "wish": ["", "w"],
        "k": [3, 0],
        "price": ["NaN", 1.5],
        "whole": [0, 2],
        "timestamp": [-1, -1],
    }


def test_what_is_not_wanted_goes_and_comes_back(page: Page, shown: Shown) -> None:
    page.pick("star")
    first = shown.recommend(history=["i1"])
    page.comes(first)
    page.press(first[0], "Not interested")
    page.comes(shown.recommend(history=["i1"], exclude=first[:1]))
    assert page.driver.switch_to.active_element.get_attribute("id") == "results-heading"
    page.press(first[2], "Not interested")
    page.comes(shown.recommend(history=["i1"], exclude=[first[0], first[2]]))
    page.one(f"#excluded [data-id={first[0]}] button").click()
    page.comes(shown.recommend(history=["i1"], exclude=[first[2]]))
    page.press(page.listed()[0], "I like it")
    page.until(lambda: len(page.all("#liked li")) == 2)


def test_nothing_left_is_said(page: Page, shown: Shown) -> None:
    page.pick("star")
    left = shown.recommend(history=["i1"], k=toy.ITEMS)
    while left:
        page.comes(left[:K])
        page.press(left.pop(0), "Not interested")
    page.comes([])
    assert page.one("#status").text == "Nothing is left to recommend."


def test_a_title_stays_text(page: Page, shown: Shown) -> None:
    page.type("#search", "<img")
    page.until(lambda: page.all("#found [role=option]"))
    assert page.one("#found [role=option]").text == HTML
    page.pick("")
    page.pick("star")
    page.comes(shown.recommend(history=["i3", "i1"]))
    assert page.one("#liked li span").text == HTML
    assert page.reasons(page.listed()[0])[0][0].endswith(HTML)
    page.one("#liked button").click()
    page.comes(shown.recommend(history=["i1"]))
    assert HTML in [title.text for title in page.all("#results .title")]
    assert page.all("img") == [] and page.driver.title == "films – recommendations"


def test_everything_has_a_name_and_fits_a_phone(page: Page, shown: Shown) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.pick("amelie")
        page.pick("star")
        page.comes(shown.recommend(history=["i5", "i1"]))
        page.reasons(page.listed()[0])
        width = "return [document.documentElement.scrollWidth, window.innerWidth]"
        assert page.driver.execute_script(width) == [360, 360]
        controls = [
            e for e in page.all("input, select, button, [role=listbox]") if e.is_displayed()
        ]
        assert len(controls) > 20
        assert [e.get_attribute("outerHTML") for e in controls if not e.accessible_name] == []
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_refusals_and_a_server_that_is_gone(
    driver: Any, shown: Shown, recommends: Path, tmp_path: Path
) -> None:
    pages = write_demo_page(shown.base, tmp_path / "page", name="elsewhere")
    server = LocalServer(recommends, ServerConfig(**FREE, pages=pages))
    server.start()
    try:
        page = Page(driver, f"http://127.0.0.1:{server.rest_port}/")
        page.pick("star")
        page.until(lambda: "refused (404)" in page.one("#problem").text)
        assert "elsewhere" in page.one("#problem").text and page.listed() == []
    finally:
        server.stop(grace_s=1.0)
    page.one("#problem button").click()
    page.until(lambda: "The server does not answer" in page.one("#problem").text)
