"""What `tfprompt inspect` explains: prompts, and one request."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfprompt.cli import output
from tfprompt.cli.recommend import past_items
from tfprompt.errors import ConfigError

if TYPE_CHECKING:
    from tfprompt.data.request import Request
    from tfprompt.explain import Report
    from tfprompt.runs.run import Run


@dataclasses.dataclass(frozen=True)
class Asked:
    """The options of `inspect` that ask for more than the run's files."""

    words: int
    similar: bool
    prompts: dict[str, str]
    layer: int | None
    item: str | None
    rather_than: str | None
    attention: bool
    wish: str | None
    user: str | None
    history: str | None
    titles: str | None
    profile: dict[str, str]
    file: Path | None

    @property
    def compares(self) -> bool:
        """Whether prompts are compared with each other."""
        return self.similar or bool(self.prompts)

    @property
    def elsewhere(self) -> bool:
        """Whether the answer is about something else than the run's files."""
        return self.compares or self.item is not None or self.attention

    @property
    def of_request(self) -> bool:
        """Whether a request is described."""
        return any((self.wish, self.user, self.history, self.titles, self.profile))

    def check(self) -> None:
        """Refuses options that go with none that was given.

        Raises:
            ConfigError: the message names the option that is missing.
        """
        from tfprompt.explain.report import check_ending

        explains = self.item is not None or self.attention
        if explains and not self.of_request:
            raise ConfigError(
                "--explain and --attention need a request: --wish, --user, --history, --titles or "
                "--profile."
            )
        if self.of_request and not explains:
            raise ConfigError("A request is what --explain ITEM or --attention goes with.")
        if self.rather_than is not None and self.item is None:
            raise ConfigError("--rather-than goes with --explain ITEM.")
        if self.layer is not None and not self.compares:
            raise ConfigError("--layer says what --similar or --prompt compares.")
        if self.words < 0:
            raise ConfigError(f"--words is 0 or more. Received: {self.words}.")
        if self.file is None:
            return
        check_ending(self.file)
        if not (self.elsewhere or self.words):
            raise ConfigError(
                "--output holds what is explained: add --words, --similar, --prompt, --explain or "
                "--attention."
            )


def answers(run: Run, asked: Asked) -> dict[str, Any]:
    """What was asked for, by name: answers of `tfprompt.explain`.

    Raises:
        TfpromptError: what cannot be explained.
    """
    if not (asked.elsewhere or asked.words):
        return {}
    found: dict[str, Any] = {}
    with output.working("Explaining"):
        from tfprompt import _environment

        _environment.load_tensorflow()
        from tfprompt import explain

        if asked.words or asked.compares:
            found |= _of_prompts(run, asked)
        if asked.item is not None or asked.attention:
            model, request = run.model(), _request(run, asked)
            if asked.item is not None:
                found["attribution"] = explain.attribute(
                    model, request, asked.item, rather_than=asked.rather_than
                )
            if asked.attention:
                found["attention"] = explain.attention(model, request)
    return found


def joined(run: Run, found: dict[str, Any]) -> Report:
    """All answers as one report."""
    from tfprompt.explain import Report

    return Report.join([each.report() for each in found.values()], f"Run {run.directory.name}")


def _of_prompts(run: Run, asked: Asked) -> dict[str, Any]:
    """Nearest words and similarities; they need the backbone and no data."""
    from tfprompt.encoders.loading import load_backbone
    from tfprompt.explain import prompt_similarity
    from tfprompt.explain.prompt_vectors import prompts_of_directory
    from tfprompt.explain.words import words_of

    loaded = load_backbone(run.config.encoder)
    found: dict[str, Any] = {}
    if asked.words:
        prompts, _ = prompts_of_directory(run.checkpoint(), loaded)
        found["words"] = words_of(prompts, loaded, asked.words)
    if asked.compares:
        own = run.directory.name
        if own in asked.prompts:
            raise ConfigError(f"Prompts have names of their own. Received: {own!r} twice.")
        given = {own: run.checkpoint()}
        given |= {name: _saved(Path(path)) for name, path in asked.prompts.items()}
        found["similarity"] = prompt_similarity(given, layer=asked.layer, backbone=loaded)
    return found


def _saved(path: Path) -> Path:
    """The saved prompts of a directory: its own, or those of the run that it is."""
    best = path / "checkpoint" / "best"
    return best if best.is_dir() else path


def _request(run: Run, asked: Asked) -> Request:
    from tfprompt.data.request import Request

    past = past_items(asked.history, asked.titles, run.dataset.items)
    given: dict[str, Any] = {"profile": asked.profile, "wish": asked.wish or ""}
    if asked.user is not None:
        return Request.of(run.dataset, asked.user, history=past or None, **given)
    return Request(history=past or None, **given)
