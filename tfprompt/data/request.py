"""One request: who asks, what is known of them, and what they say they want."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from tfprompt.data import _request_values as checked
from tfprompt.data._request_columns import check_columns
from tfprompt.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.data.dataset import Dataset
    from tfprompt.prompts.template import Template


@dataclass(frozen=True)
class Request:
    """What a recommendation goes by; everything may be missing, but not all at once.

    Args:
        user: id of the person, a label only: `Request.of` looks a known user up.
        history: ids of past items `[H]`, oldest first; None says that nothing is known of it,
            an empty list that there is none yet.
        history_ratings: a rating for each item of the history `[H]`, None or NaN where missing.
        profile: columns of the person by name, as `{"age": 30}`.
        context: columns of the moment by name, as `{"device": "tv"}`; `timestamp` (seconds, UTC)
            gives hour, weekday and month.
        wish: free text, at most 10,000 characters.
        exclude: ids that must not be recommended, besides those in the history.

    Raises:
        ConfigError: a value of the wrong type or length.

    Example:
        >>> request = Request(history=["50", 181], wish=" slow science fiction ")
        >>> request.history, request.wish
        (('50', '181'), 'slow science fiction')
    """

    user: str | None = None
    history: Sequence[str] | None = None
    history_ratings: Sequence[float | None] | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    wish: str = ""
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Checks every field, and turns it into its plain type."""
        if self.user is not None:
            self._set("user", checked.id("user", self.user))
        if self.history is not None:
            self._set("history", checked.ids("history", self.history))
        if self.history_ratings is not None:
            self._set("history_ratings", checked.ratings(self.history_ratings, self.history))
        self._set("exclude", checked.ids("exclude", self.exclude))
        for name in ("profile", "context"):
            self._set(name, checked.values(name, getattr(self, name)))
        if both := sorted(self.profile.keys() & self.context.keys()):
            raise ConfigError(
                f"A column stands in the profile or in the context. Received: {both[0]!r} in both."
            )
        self._set("wish", checked.wish(self.wish))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def values(self) -> dict[str, Any]:
        """Profile and context together."""
        return {**self.profile, **self.context}

    @classmethod
    def of(
        cls,
        data: Dataset,
        user: str,
        *,
        history: Sequence[str] | None = None,
        history_ratings: Sequence[float | None] | None = None,
        profile: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        wish: str = "",
        exclude: Sequence[str] = (),
    ) -> Request:
        """The request of a user that the data knows.

        Args:
            data: has the user's events, ratings and profile.
            user: the user's id.
            history: items that came after those of the data.
            history_ratings: the ratings of those later items.
            profile: columns that replace those of the data.
            context: as in `Request`.
            wish: as in `Request`.
            exclude: as in `Request`.

        Raises:
            DataError: the data has no such user.
            ConfigError: as `Request`.

        Example:
            `Request.of(data, "42", wish="something short for tonight")`
        """
        later = cls(history=history or (), history_ratings=history_ratings)
        user = checked.id("user", user)
        events = data.interactions.filter(pl.col("user_id") == user)
        if events.is_empty():
            near = difflib.get_close_matches(user, data.user_ids.tolist(), 3)
            hint = f" Near it: {', '.join(near)}." if near else ""
            raise DataError(
                f"The data has no user '{user}'.{hint} For a new one pass history or wish."
            )
        known: dict[str, Any] = {}
        if data.users is not None:
            found = data.users.filter(pl.col("user_id") == user)
            known = found.row(0, named=True) if found.height else {}
        past = [*events["item_id"].to_list(), *(later.history or ())]
        ratings: list[float | None] | None = None
        if "rating" in events.columns or later.history_ratings is not None:
            empty = [None] * events.height
            before = events["rating"].to_list() if "rating" in events.columns else empty
            after = later.history_ratings or [None] * (len(past) - len(before))
            ratings = [*before, *after]
        given = {k: v for k, v in known.items() if k not in (context or {})}
        values = {**given, **(profile or {})}
        return cls(user, past, ratings, values, context or {}, wish, exclude)

    def check(self, catalog: Catalog, template: Template) -> None:
        """Checks the request against the data and the template of a model.

        Args:
            catalog: gives the columns.
            template: says what is read.

        Raises:
            ConfigError: nothing to go by; a wish that the template cannot take; a column that the
                data does not have, or words where a number is read.
        """
        if self.history is None and not self.wish and not self.values:
            given = "none of them" if self.user is None else f"user={self.user!r}, a label alone"
            raise ConfigError(
                "A recommendation needs a user of the data, a history, a profile or a wish. "
                f"Received: {given}. Request.of(data, user) looks a known user up."
            )
        if self.wish and not template.has_history and "wish" not in template.fields:
            raise ConfigError(
                "A wish is read as an item of {history:items} or as {wish}, and the template has "
                f"neither. Received: {template.source!r}."
            )
        check_columns(self.values, catalog.columns, template)
