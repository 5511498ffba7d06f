"""A model that is shown on the demo page, and the browser that it is shown in."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tfprompt as tp

import keras  # isort: skip
from tests import toy
from tfprompt.data.catalog import Catalog
from tfprompt.data.dataset import Dataset
from tfprompt.models.retriever import Retriever

TEMPLATE = "{soft:2} {occupation} {age:feature} {hour:feature} watched {history:items}"
HTML = "<img src=x onerror=\"document.title='run'\">"
TITLES = {"i3": HTML, "i5": "Le Fabuleux Destin d'Amélie Poulain, " + "very " * 20 + "long"}
K = 8
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_S = 60


@dataclasses.dataclass(frozen=True)
class Shown:
    """A trained model with two prompts, and the base directory of its artifact."""

    model: Retriever
    base: Path
    titles: dict[str, str]

    def recommend(self, k: int = K, **request: Any) -> list[str]:
        """What Keras lists, with the model's own prompt."""
        return [item.item_id for item in tp.recommend(self.model, k=k, **request)]

    def scores(self, **request: Any) -> dict[str, float]:
        """What Keras says of every item that is not in the history."""
        found = tp.recommend(self.model, k=toy.ITEMS, **request)
        return {item.item_id: item.score for item in found}

    @contextlib.contextmanager
    def other_prompt(self) -> Iterator[None]:
        """The model with the vectors of its second prompt."""
        kept = [np.array(layer.prompt) for layer in self.model.encoder.soft_prompts]
        for layer, value in zip(self.model.encoder.soft_prompts, kept, strict=True):
            layer.prompt.assign(-2 * value)
        try:
            yield
        finally:
            for layer, value in zip(self.model.encoder.soft_prompts, kept, strict=True):
                layer.prompt.assign(value)


def catalog() -> Catalog:
    """The toy catalog, in which an item is called like a piece of HTML."""
    old = toy.dataset().items
    titles = pl.col("item_id").replace_strict(TITLES, default=pl.col("title"))
    return Catalog(old.frame.with_columns(title=titles), old.item_text, old.columns)


def export(base: Path) -> Shown:
    """Trains for two epochs, so that history and prompt matter, and writes version 1."""
    items = catalog()
    model = Retriever(toy.encoder(TEMPLATE), items, collaborative=4)
    old = toy.dataset()
    data = Dataset(old.name, old.interactions, items, old.users, old.report, old.order)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(data.leave_one_out().train, epochs=2, batch_size=4, verbose=0)
    shown = Shown(model, base, dict(zip(items.ids.tolist(), items.titles(), strict=True)))
    with tempfile.TemporaryDirectory() as folder:
        with shown.other_prompt():
            model.save_prompts(Path(folder) / "de")
        prompts = {"de": Path(folder) / "de"}
        model.export(base / "1", k=K, titles=True, prompts=prompts, check=False)
    return shown


def missing() -> str:
    """Why no browser can be driven here, "" where one can."""
    found = [shutil.which(name) for name in ("chromium", "chromedriver")]
    return "" if all(found) else "needs chromium and chromedriver"


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium with a profile of its own, which keeps what its console says."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        driver = webdriver.Chrome(options=options, service=service)
        try:
            yield driver
        finally:
            driver.quit()


class Page:
    """The demo page as somebody uses it."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        driver.get(address)
        self.until(lambda: self.one("#status").text or self.one("#problem").text)

    def until(self, condition: Any) -> Any:
        """Waits for a condition; elements that were replaced meanwhile are looked up again."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(
            self.driver, WAIT_S, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: condition())

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def type(self, selector: str, *keys: str) -> None:
        self.one(selector).send_keys(*keys)

    def pick(self, text: str) -> None:
        """Likes the first item that a search finds, without a mouse."""
        self.type("#search", text)
        self.until(lambda: self.all("#found [aria-selected=true]"))
        self.type("#search", "\ue007")

    def choose(self, selector: str, text: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.one(selector)).select_by_visible_text(text)

    def press(self, item_id: str, name: str) -> None:
        """One of the buttons of a result."""
        for button in self.all(f"#results > [data-id={item_id}] button"):
            if button.text == name:
                button.click()
                return
        raise AssertionError(f"{item_id} has no button {name}")

    def listed(self) -> list[str]:
        """The ids of the results."""
        return [line.get_attribute("data-id") for line in self.all("#results > li")]

    def comes(self, expected: list[str]) -> None:
        """Waits for a list; a failure tells both."""
        from selenium.common.exceptions import TimeoutException

        with contextlib.suppress(TimeoutException):
            self.until(lambda: self.listed() == expected)
        assert self.listed() == expected

    def reasons(self, item_id: str) -> list[tuple[str, float]]:
        """What "Why" says of an item: texts and numbers."""
        self.press(item_id, "Why")
        parts = f"#results > [data-id={item_id}] .parts li"
        self.until(lambda: self.all(parts))
        return [
            (
                line.find_element("css selector", ".part").text,
                float(line.find_element("css selector", ".value").text.replace("\u2212", "-")),
            )
            for line in self.all(parts)
        ]
