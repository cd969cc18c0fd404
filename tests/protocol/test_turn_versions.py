"""Versions of a turn: a new one comes last, a chosen one keeps its place, the oldest go first."""

from __future__ import annotations

import pytest

from aqueduct_jupyter.protocol.turn_versions import MOST_VERSIONS, TurnVersions


def test_a_new_version_comes_last_unless_the_shown_one_says_nothing() -> None:
    versions: TurnVersions[str] = TurnVersions(["a", "c"], 1)
    assert versions.replaced("b") == TurnVersions(["a", "b", "c"], 3)
    assert versions.replaced(None) == TurnVersions(["a", "c"], 2)
    assert versions == TurnVersions(["a", "c"], 1), "it is not changed"


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_every_version_can_be_chosen_and_the_others_keep_their_order(chosen: int) -> None:
    all_versions = ["a", "b", "c"]
    shown, versions = TurnVersions(["a", "c"], 1).chosen("b", chosen)
    assert shown == all_versions.pop(chosen)
    assert versions == TurnVersions(all_versions, chosen)


@pytest.mark.parametrize("version", [-1, 2])
def test_a_version_that_is_not_there_cannot_be_chosen(version: int) -> None:
    with pytest.raises(IndexError):
        TurnVersions(["a"], 1).chosen("b", version)


def test_the_oldest_versions_go_first() -> None:
    versions: TurnVersions[int] = TurnVersions()
    for number in range(MOST_VERSIONS + 2):
        versions = versions.replaced(number)
    assert versions == TurnVersions(list(range(2, MOST_VERSIONS + 2)), MOST_VERSIONS)
