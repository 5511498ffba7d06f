"""Reports as text, as a page that nothing can be smuggled into, and as a picture."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tfprompt.errors import ConfigError
from tfprompt.explain import Attribution, Report, Share
from tfprompt.explain.report import Bar, Bars, Grid, Listing

EVIL = '<script>alert("x")</script> & $a_b$'


def report() -> Report:
    rows = tuple(Bar(f"{EVIL} {n}", (n - 15) / 10, "group" if n % 2 else EVIL) for n in range(40))
    grid = Grid("Cosines", (EVIL, "b"), ("c", EVIL), np.array([[1.0, -0.5], [0.25, -1.0]]), -1, 1)
    return Report.join(
        [
            Report(EVIL, (EVIL,), (Bars("Bars", rows, EVIL), grid)),
            Report("Words", (), (Listing("Near", ((EVIL, EVIL),)), Bars("None", ()))),
        ],
        "Both",
    )


class _Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_holds_text_alone_and_needs_nothing_else(tmp_path: Path) -> None:
    source = report().to_html(tmp_path / "page.html").read_text()
    page = _Page()
    page.feed(source)
    assert page.tags.count("script") == 0 and EVIL in page.text
    assert not {"link", "img", "iframe"} & set(page.tags)
    assert not re.search(r"https?:|url\(|@import", source)
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name[:2] == "on"]
    # Every number stands as text beside its colour; the bars themselves are no text.
    assert "-1.5000" in page.text and "+2.4000" in page.text and "-0.50" in page.text
    assert page.text.count("+") == sum(n > 14 for n in range(40))
    assert ("lang", "en") in page.attributes and "prefers-color-scheme: dark" in source


def test_the_picture_is_one(tmp_path: Path) -> None:
    from matplotlib.image import imread

    path = report().write(tmp_path / "picture.png")
    pixels = imread(path)
    height, width = pixels.shape[:2]
    assert height > 500 and 900 < width < 1200
    assert 0.01 < (pixels[..., :3].min(axis=-1) < 0.5).mean() < 0.5


def test_the_text_keeps_the_strongest_and_counts_the_rest() -> None:
    text = report().to_text()
    assert "16 more" in text and f"{EVIL} 39" in text and f"{EVIL} 16" not in text
    assert "-1.00" in text and "Near" in text


def test_only_pages_and_pictures_are_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a .html or .png file. Received: .*report.pdf"):
        report().write(tmp_path / "report.pdf")
    assert not list(tmp_path.iterdir())


def test_shares_of_a_segment_are_summed() -> None:
    shares = (Share("wish", "red", 0.1, 0.2), Share("past items", "Alien", -0.3),
              Share("wish", "story", 0.1, -0.1))  # fmt: skip
    found = Attribution("i1", "Heat", None, 0.5, 0.5, shares, 64, 0.5, 0.1)
    assert [(s.segment, round(s.value, 6)) for s in found.segments] == [
        ("wish", 0.3), ("past items", -0.3)
    ]  # fmt: skip
    assert not found.complete and "NOT within" in str(found)
    assert found.to_dict()["segments"][0]["similarity"] == pytest.approx(0.1)
