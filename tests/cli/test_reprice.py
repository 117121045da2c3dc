"""`pennyroute ledger reprice` and `prices diff`: shown first, then charged, on a real store."""

from typing import Any

from router.pricing.book import load_book
from router.store.connection import Store
from tests.cli.running import Pennyroute
from tests.reports.entries import an_entry, settled

YEAR = ("--from", "2026-01-01", "--to", "2026-01-03")
SOLD_BY: dict[str, Any] = {"provider": "openai-compatible", "served_model": "tiny-1", "cost_nano": 10_000}


async def test_a_period_is_shown_then_charged_and_the_second_time_there_is_nothing_to_do(
    configured: Pennyroute, store: Store
) -> None:
    await settled(store, "main", an_entry(**SOLD_BY), an_entry(**SOLD_BY), an_entry())
    tokens = an_entry().tokens
    assert tokens is not None
    each = tokens.input * 100 + tokens.output * 400
    shown = configured.ok("ledger", "reprice", *YEAR, "--format", "json").json[0]
    (model,) = shown["models"]
    assert (model["provider"], model["model"], model["attempts"]) == ("openai-compatible", "tiny", 2)
    assert model["after_nano_usd"] == 2 * each
    assert (shown["adjustments"], shown["appended"], shown["left_alone"]) == (2, None, {"no_price": 1})
    said = configured.ok("ledger", "reprice", *YEAR).out
    assert "nothing was written; --apply appends the adjustments" in said
    assert "appended 2 adjustments" in configured.ok("ledger", "reprice", *YEAR, "--apply").out
    again = configured.ok("ledger", "reprice", *YEAR, "--apply", "--format", "json").json[0]
    assert (again["appended"], again["left_alone"]) == (0, {"no_price": 1, "same": 2})
    assert configured.ok("ledger", "verify").code == 0


def test_a_book_that_is_not_known_is_refused_with_the_nearest_name(configured: Pennyroute) -> None:
    version = load_book().version
    said = configured.refused("ledger", "reprice", *YEAR, "--book", version[:-1])
    assert f"did you mean {version}?" in said


def test_books_are_listed_and_compared(configured: Pennyroute) -> None:
    version = load_book().version
    found = configured.ok("prices", "books", "--format", "json").json
    assert {"version": version, "from": "shipped", "current": False} in found
    assert [one["from"] for one in found if one["current"]] == ["configuration"]
    changes = configured.ok("prices", "diff", version, "current", "--format", "json").json["changes"]
    assert {"what": "output", "before": None, "after": "0.4"}.items() <= next(
        one for one in changes if (one["model"], one["what"]) == ("tiny (configured)", "output")
    ).items()
    assert "no change" in configured.ok("prices", "diff", version, version).out
    assert "tiny (configured)" in configured.ok("prices", "diff", version, "current").out
