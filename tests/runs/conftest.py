"""Fixtures shared with the other room."""

from tests.runs.fixtures import own_home, room, settings, trained

__all__ = ["own_home", "room", "settings", "trained"]
