"""`tfprompt recommend`: a list for a wish, a user or a history."""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Annotated

import typer

from tfprompt.cli import options, output
from tfprompt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog

EXAMPLE = 'Example: tfprompt recommend runs/ml --wish "slow science fiction with robots" --k 10'


def recommend(
    run: options.RunDirectory,
    wish: Annotated[str | None, typer.Option(help="What is wanted, in words.")] = None,
    user: Annotated[str | None, typer.Option(help="A user of the data: history, profile.")] = None,
    history: Annotated[
        str | None, typer.Option(help="Item ids with commas between, oldest first.")
    ] = None,
    titles: Annotated[str | None, typer.Option(help='Titles instead of ids: "Alien;Heat".')] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A column that the template names: age=30."),
    ] = None,
    exclude: Annotated[str | None, typer.Option(help="Item ids never to recommend.")] = None,
    k: Annotated[int, typer.Option(help="Length of the list.")] = 10,
    json: options.Json = False,
) -> None:
    """Recommend items for a wish, a known user, a history, or a mix of them."""
    from tfprompt.runs.run import Run

    opened = Run(run)
    if not any((wish, user, history, titles, profile)):
        raise ConfigError(
            "A recommendation needs --wish, --user, --history, --titles or --profile."
        )
    with output.working("Recommending"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        opened.description()
        catalog = opened.dataset.items
        past = past_items(history, titles, catalog)
        from tfprompt.models.recommending import recommend as recommended

        found = recommended(
            opened.model(),
            user=user,
            history=past or None,
            wish=wish,
            data=opened.dataset,
            profile=options.pairs(profile, "--profile") or None,
            exclude=_split(exclude, ","),
            k=k,
        )
    if json:
        output.emit_json(
            {"run": str(run), "k": k, "items": [dataclasses.asdict(item) for item in found]}
        )
        return
    rows = [
        [str(place), f"{item.score:.3f}", item.item_id, item.title]
        for place, item in enumerate(found, start=1)
    ]
    output.table(["", "score", "item", "title"], rows, numbers=("", "score"))


def past_items(history: str | None, titles: str | None, catalog: Catalog) -> list[str]:
    """The ids that `--history` and `--titles` name, oldest first.

    Raises:
        DataError: the catalog has no such item, or several that a title may mean.
    """
    return [*_ids(history, catalog), *_titled(titles, catalog)]


def _split(text: str | None, separator: str) -> list[str]:
    return [part.strip() for part in (text or "").split(separator) if part.strip()]


def _ids(text: str | None, catalog: Catalog) -> list[str]:
    ids = _split(text, ",")
    unknown = [i for i, row in zip(ids, catalog.index_of(ids), strict=True) if row < 0]
    if unknown:
        raise DataError(
            f"A history holds ids of the catalog, such as {catalog.ids[0]}. Received: "
            f"{', '.join(unknown[:5])}."
        )
    return ids


def _titled(text: str | None, catalog: Catalog) -> list[str]:
    """Ids of titles: the same but for capitals, else the one that holds the words."""
    wanted = _split(text, ";")
    if not wanted:
        return []
    if "title" not in catalog.frame.columns:
        raise DataError("The items have no column 'title'; give ids: --history.")
    titles = [(title or "").lower() for title in catalog.frame["title"].to_list()]
    return [str(catalog.ids[_row(title, titles, catalog)]) for title in wanted]


def _row(title: str, titles: list[str], catalog: Catalog) -> int:
    low = title.lower()
    found = [row for row, known in enumerate(titles) if known == low]
    found = found or [row for row, known in enumerate(titles) if low in known]
    if len(found) == 1:
        return found[0]
    names = catalog.frame["title"].to_list()
    if found:
        listed = "; ".join(f"{names[row]} (id {catalog.ids[row]})" for row in found[:5])
        raise DataError(
            f"A title must say which item is meant. Received: {title!r}, which fits "
            f"{len(found)}: {listed}. Write it in full, or give --history with ids."
        )
    near = difflib.get_close_matches(low, titles, 3)
    hint = "; ".join(str(names[titles.index(each)]) for each in near)
    raise DataError(
        f"A title must be in the catalog. Received: {title!r}."
        + (f" Near it: {hint}." if hint else "")
    )
