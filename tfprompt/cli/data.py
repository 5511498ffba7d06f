"""`tfprompt data`: what there is, and what a data set looks like after cleaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tfprompt.cli import options, output
from tfprompt.cli.failures import guarded
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.dataset import Dataset

LIST_EXAMPLE = "Example: tfprompt data list"
DESCRIBE_EXAMPLE = "Example: tfprompt data describe movielens-100k"

app = typer.Typer(
    help="List the named data sets, or describe one.",
    epilog=DESCRIBE_EXAMPLE,
    no_args_is_help=True,
)


@app.command("list", epilog=LIST_EXAMPLE)
@guarded
def list_names(json: options.Json = False) -> None:
    """List the data sets that go by a name."""
    from tfprompt import data

    if json:
        output.emit_json(data.names())
    else:
        print("\n".join(data.names()))


@app.command(epilog=DESCRIBE_EXAMPLE, no_args_is_help=True)
@guarded
def describe(
    name: Annotated[
        str | None, typer.Argument(help="A named data set; or tables by option.")
    ] = None,
    config: options.Config = None,
    settings: options.Set = None,
    interactions: options.Interactions = None,
    items: options.Items = None,
    users: options.Users = None,
    columns: options.Column = None,
    min_rating: options.MinRating = None,
    k_core: options.KCore = None,
    item_text: options.ItemText = None,
    split: options.Split = None,
    examples: Annotated[int, typer.Option(help="Items and users to show.")] = 3,
    json: options.Json = False,
) -> None:
    """Show what cleaning did, the columns a template may name, examples and the split."""
    given = dict(locals())
    for other in ("name", "config", "settings", "examples", "json"):
        del given[other]
    wanted = options.gather(config, settings, {"data": name, **given})
    if examples < 0:
        raise ConfigError(f"--examples is 0 or more. Received: {examples}.")
    with output.working("Reading"):
        from tfprompt.runs.sources import load_data, split_data

        dataset = load_data(wanted)
        cut = split_data(wanted, dataset)
    found = {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "users": len(dataset.user_ids),
        "items": len(dataset.items),
        "events": dataset.interactions.height,
        "order": dataset.order,
        "cleaning": dataset.report.to_dict()["steps"],
        "columns": _columns(dataset),
        "item_text": dataset.items.item_text,
        "examples": _examples(dataset, examples),
        "split": {
            "name": cut.name,
            "training_events": len(cut.train.items),
            "validation_requests": len(cut.validation),
            "test_requests": len(cut.test),
            "protocol": cut.test.protocol,
            "dropped": cut.dropped,
        },
    }
    if json:
        output.emit_json(found)
    else:
        _show(found, str(dataset.report))


def _columns(dataset: Dataset) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": column.kind,
            "source": column.source,
            "values": None if column.vocabulary is None else len(column.vocabulary),
            "example": _example(dataset, name, column.source),
        }
        for name, column in dataset.items.columns.items()
    ]


def _example(dataset: Dataset, name: str, source: str) -> str | None:
    """The first value that is there."""
    frames = {"user": dataset.users, "item": dataset.items.frame}
    frame = frames.get(source, dataset.interactions)
    if frame is None or name not in frame.columns:
        return None
    values = frame[name].drop_nulls()
    return str(values[0]) if len(values) else None


def _examples(dataset: Dataset, count: int) -> dict[str, Any]:
    texts = dataset.items.texts()
    users = []
    for row, user in enumerate(dataset.user_ids[:count]):
        events = dataset.event_items[dataset.event_offsets[row] : dataset.event_offsets[row + 1]]
        profile = {} if dataset.users is None else dataset.users.row(row, named=True)
        profile.pop("user_id", None)
        users.append(
            {
                "user_id": str(user),
                "profile": {name: _scalar(value) for name, value in profile.items()},
                "events": len(events),
                "newest": [texts[item] for item in events[-3:]],
            }
        )
    items = [
        {"item_id": str(dataset.items.ids[row]), "text": text}
        for row, text in enumerate(texts[:count])
    ]
    return {"items": items, "users": users}


def _scalar(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else str(value)


def _show(found: dict[str, Any], report: str) -> None:
    print(
        f"{found['name']}: {found['users']:,} users, {found['items']:,} items, "
        f"{found['events']:,} events, in order of {found['order']}"
    )
    print(f"fingerprint: {found['fingerprint']}\n\ncleaning")
    print("\n".join(f"  {line}" for line in report.splitlines()))
    print("\ncolumns")
    rows = [
        [
            column["name"],
            column["source"],
            column["kind"],
            "" if column["values"] is None else f"{column['values']:,}",
            column["example"] or "",
        ]
        for column in found["columns"]
    ]
    output.table(["name", "of", "kind", "values", "example"], rows, numbers=("values",))
    print(f"items read as {found['item_text']!r}")
    for item in found["examples"]["items"]:
        print(f"  {item['item_id']}: {item['text']}")
    print("users")
    for user in found["examples"]["users"]:
        profile = ", ".join(f"{name} {value}" for name, value in user["profile"].items())
        print(f"  {user['user_id']} ({profile or 'no profile'}): {user['events']} events, newest")
        for text in user["newest"]:
            print(f"    {text}")
    split = found["split"]
    print(
        f"\nsplit {split['name']}: {split['training_events']:,} events to train on, "
        f"{split['validation_requests']:,} requests to validate, {split['test_requests']:,} to test"
    )
    print(f"  {split['protocol']}")
    for reason, count in split["dropped"].items():
        print(f"  left out: {count:,} {reason}")
