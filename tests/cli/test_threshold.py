"""Thresholds are shown, set, tried out and rolled back by the command."""

import pytest

from router.routes.thresholds import WATCH, Change, Thresholds
from router.store.connection import Store
from router.store.keys import threshold_key
from tests.certificates import a_certificate
from tests.cli.running import Pennyroute
from tests.reports.entries import an_entry, settled


def test_before_the_service_ever_ran_the_configured_threshold_is_shown_as_such(configured: Pennyroute):
    default, support = configured.ok("threshold", "show", "--format", "json").json
    assert (default["route"], default["threshold"], default["version"]) == ("default", 0.12, 0)
    assert (support["threshold"], support["set_at"]) == (0.2, None)


async def test_a_set_threshold_is_in_force_and_its_history_says_who_and_why(
    configured: Pennyroute, store: Store
):
    said = configured.ok(
        "threshold", "set", "support", "0.3", "--reason", "fewer complaints", LOGNAME="ada"
    ).out
    assert "support: 0.2 → 0.3 (version 2)" in said
    assert "rollback support" in said
    current = await Thresholds(store).current("support")
    assert current is not None
    assert (current.value, current.version, current.set_by, current.reason) == (
        0.3,
        2,
        "ada",
        "fewer complaints",
    )
    newest, first = configured.ok("threshold", "history", "support", "--format", "json").json
    assert (newest["threshold"], newest["set_by"]) == (0.3, "ada")
    assert (first["threshold"], first["set_by"]) == (0.2, "config")
    shown = configured.ok("threshold", "show", "support", "--format", "json").json
    assert shown == newest | {"holds": None, "why_not": None}
    table = configured.ok("threshold", "history", "support").out
    assert "2 (in force)" in table
    assert "fewer complaints" in table


def test_a_rollback_puts_an_earlier_threshold_in_force_as_a_new_version(configured: Pennyroute):
    configured.ok("threshold", "set", "support", "0.3")
    changed = configured.ok("threshold", "rollback", "support", "--format", "json").json
    assert (changed["threshold"], changed["version"]) == (0.2, 3)
    assert "no version 9" in configured.refused("threshold", "rollback", "support", "--to-version", "9")


async def test_a_rollback_says_that_it_puts_a_suspended_certificate_back(
    configured: Pennyroute, store: Store
):
    thresholds, proof = Thresholds(store), a_certificate()
    await thresholds.set(Change("support", proof.threshold, "ada", certificate=proof))
    undone = await thresholds.set(Change("support", 0.0, WATCH, "audits fell", None, proof, suspended=True))
    assert undone.suspended
    ran = configured.ok("threshold", "rollback", "support")
    assert f"support: 0 → {proof.threshold:g}" in ran.out
    assert f"Its certificate {proof.id} was suspended by watch on " in ran.err
    assert "(audits fell); a person's decision puts it back." in ran.err
    assert ran.err.count("\n") == 1
    await thresholds.set(Change("support", 0.7, "ada"))
    await thresholds.set(Change("support", 0.8, "ada"))
    assert configured.ok("threshold", "rollback", "support").err == ""


def test_a_change_against_another_version_than_the_one_in_force_is_refused(configured: Pennyroute):
    configured.ok("threshold", "set", "support", "0.3", "--if-version", "0")
    assert "at version 1" in configured.refused("threshold", "set", "support", "0.4", "--if-version", "2")
    assert configured.ok("threshold", "show", "support", "--format", "json").json["threshold"] == 0.3


@pytest.mark.parametrize("value", ["1.5", "nan", "inf", "much"])
def test_what_is_no_number_from_0_to_1_is_not_a_command_line(configured: Pennyroute, value: str):
    said = configured.refused("threshold", "set", "support", value, code=2)
    assert value in said
    assert "threshold set --help" in said


def test_an_unknown_route_is_refused_with_the_nearest_name(configured: Pennyroute):
    for words in (
        ("show", "suport"),
        ("set", "suport", "0.1"),
        ("history", "suport"),
        ("rollback", "suport"),
    ):
        assert 'did you mean "support"?' in configured.refused("threshold", *words)
    dry_run = ("threshold", "set", "suport", "0.1", "--dry-run")
    assert 'did you mean "support"?' in configured.refused(*dry_run)


async def test_a_dry_run_shows_what_would_have_been_and_changes_nothing(configured: Pennyroute, store: Store):
    easy = [an_entry(difficulty=0.05) for _ in range(3)]
    await settled(store, "main", *easy, an_entry(difficulty=0.15, model="tiny"))
    dry_run = ("threshold", "set", "support", "0.1", "--dry-run")
    tried = configured.ok(*dry_run, "--format", "json").json
    assert (tried["decisions"], tried["share_to_large_now"], tried["share_to_large_then"]) == (4, 0.0, 0.25)
    assert tried["moved_to_large"] == 1
    table = configured.ok(*dry_run).out
    assert "25.0%" in table
    assert "Nothing was changed" in table
    assert await Thresholds(store).current("support") is None


def test_a_dry_run_without_decisions_says_so(configured: Pennyroute):
    said = configured.ok("threshold", "set", "support", "0.1", "--dry-run").out
    assert "no recorded decision" in said


async def test_a_reason_somebody_wrote_cannot_move_the_cursor_of_who_reads_it(
    configured: Pennyroute, store: Store
):
    reason = "\x1b[2Jnothing \x07here\u202e"
    assert "control characters" in configured.refused(
        "threshold", "set", "support", "0.4", "--reason", reason
    )
    # Nor one that came into the store by another door.
    await Thresholds(store).set(Change("support", 0.4, "eve", "nothing"))
    await store.command("HSET", threshold_key("support"), "reason", reason)
    shown = configured.ok("threshold", "show", "support").out
    assert "nothing" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert configured.ok("threshold", "show", "support", "--format", "json").json["reason"] == reason
