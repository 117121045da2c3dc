"""The ledger is verified and reported by the command, on the same numbers."""

import csv
import io

from router.ledger.entry import GROUP_SEPARATOR, Labels
from router.store.connection import Store
from router.store.keys import ACCOUNTS, AccountKeys
from tests.cli.running import Pennyroute
from tests.reports.entries import NOON_MS, an_entry, settled

LATIN = {"PYTHONIOENCODING": "ascii"}
NOON_HOUR = NOON_MS // 3_600_000


async def _filled(store: Store) -> None:
    large = {"tier": "large", "model": "big", "cost_nano": 400_000, "baseline_nano": 400_000}
    await settled(store, "main", an_entry(), an_entry(), an_entry(**large), an_entry(route="default"))


async def test_a_clean_ledger_is_said_to_be_clean(configured: Pennyroute, store: Store):
    await _filled(store)
    said = configured.ok("ledger", "verify").out
    assert "account main: 4 entries, 0.000454 USD, 0 open holds" in said
    assert "clean" in said


async def test_each_counter_that_disagrees_is_named_and_a_repair_mends_it(
    configured: Pennyroute, store: Store
):
    await _filled(store)
    counters = AccountKeys("main").counters(NOON_HOUR)
    group = GROUP_SEPARATOR.join(("support", "small", "tiny", "", "", "openai"))
    await store.command("HINCRBY", counters, f"{group}{GROUP_SEPARATOR}cost_nano", 7)
    ran = configured("ledger", "verify")
    assert ran.code == 1
    assert "2026-01-01 12:00" in ran.out
    assert "route=support tier=small model=tiny provider=openai" in ran.out
    assert "+7" in ran.out
    found = configured("ledger", "verify", "--format", "json")
    assert found.code == 1
    (account,) = found.json
    (difference,) = account["differences"]
    assert (difference["counter"], difference["counted"], difference["recomputed"]) == (
        "cost_nano",
        36_007,
        36_000,
    )
    assert (difference["route"], account["clean"]) == ("support", False)
    assert "rebuilt the counters of 1 hour" in configured.ok("ledger", "verify", "--repair").out
    assert configured.ok("ledger", "verify", "--format", "json").json[0]["clean"] is True


async def test_every_account_is_verified_unless_one_is_named(configured: Pennyroute, store: Store):
    await store.command("SADD", ACCOUNTS, "acme")
    names = [one["account"] for one in configured.ok("ledger", "verify", "--format", "json").json]
    assert names == ["acme", "main"]
    assert len(configured.ok("ledger", "verify", "--account", "acme", "--format", "json").json) == 1
    assert "there are: acme, main" in configured.refused("ledger", "verify", "--account", "nobody")


async def test_a_report_is_a_table_json_and_csv_of_the_same_figures(configured: Pennyroute, store: Store):
    await _filled(store)
    found = configured.ok("report", "--by", "route,tier", "--format", "json").json
    assert [(one["route"], one["tier"], one["nano_usd"]) for one in found["groups"]] == [
        ("support", "large", 400_000),
        ("support", "small", 36_000),
        ("default", "small", 18_000),
    ]
    assert found["total"]["nano_usd"] == 454_000
    rows = list(csv.DictReader(io.StringIO(configured.ok("report", "--format", "csv").out)))
    assert [row["row"] for row in rows] == ["group", "group", "total"]
    assert rows[-1]["nano_usd"] == "454000"
    for columns in (80, 120):
        table = configured.ok("report", columns=columns).out
        assert "support" in table
        assert "0.000454" in table
        assert max(map(len, table.splitlines())) <= columns
        assert "\x1b" not in table


async def test_a_period_leaves_out_what_lies_outside_of_it(configured: Pennyroute, store: Store):
    await _filled(store)
    inside = ("--from", "2026-01-01", "--to", "2026-01-02", "--format", "json")
    assert configured.ok("report", *inside).json["total"]["requests"] == 4
    later = ("--from", "2026-01-02", "--to", "2026-01-03", "--format", "json")
    assert configured.ok("report", *later).json["total"]["requests"] == 0


async def test_labels_of_any_script_come_through(configured: Pennyroute, store: Store):
    await settled(store, "main", an_entry(labels=Labels(team="法務 [bold]team")))
    (group,) = configured.ok("report", "--by", "team", "--format", "json").json["groups"]
    assert group["team"] == "法務 [bold]team"
    assert "法務 [bold]team" in configured.ok("report", "--by", "team").out
    (group,) = configured.ok("report", "--by", "team", "--format", "json", **LATIN).json["groups"]
    assert group["team"] == "法務 [bold]team"
    assert "[bold]team" in configured.ok("report", "--by", "team", **LATIN).out


async def test_what_turns_the_text_around_it_reaches_no_terminal(configured: Pennyroute, store: Store):
    turning = "ops\u202e\u2066\u200f\u061ctxt"
    await settled(store, "main", an_entry(labels=Labels(team=turning)))
    table = configured.ok("report", "--by", "team", "--from", "2026-01-01", "--to", "2026-01-02").out
    assert "ops" in table
    said = configured.refused("threshold", "show", turning)
    as_json = configured.ok(
        "report", "--by", "team", "--from", "2026-01-01", "--to", "2026-01-02", "--format", "json"
    )
    assert as_json.json["groups"][0]["team"] == turning
    for shown in (table, said, as_json.out):
        assert not set(turning) - set("opstx") & set(shown)


def test_what_is_no_period_grouping_or_account_is_refused_in_words(configured: Pennyroute):
    assert 'did you mean "route"?' in configured.refused("report", "--by", "rout")
    assert "not a moment" in configured.refused("report", "--from", "yesterday")
    assert "not before" in configured.refused("report", "--from", "2026-02-01", "--to", "2026-01-01")
    assert "no account" in configured.refused("report", "--account", "nobody")
    assert "'csv'" in configured.refused("report", "--format", "xml", code=2)
