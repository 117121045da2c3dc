"""Prices are shown with their sources, and compared with litellm's map."""

from tests.cli.running import Pennyroute


def test_the_configured_prices_come_before_the_books(configured: Pennyroute):
    rows = configured.ok("prices", "show", "--format", "json").json
    assert [(row["model"], row["input"], row["output"]) for row in rows[:2]] == [
        ("big-1", "2", "10"),
        ("tiny-1", "0.1", "0.4"),
    ]
    assert len(rows) > 50
    assert all(row["source"] for row in rows)


def test_one_providers_prices_are_a_table_that_fits_the_window(pennyroute: Pennyroute):
    for columns in (80, 120):
        table = pennyroute.ok("prices", "show", "--provider", "mistral", columns=columns).out
        assert "US dollars per million tokens" in table
        assert "Sources" in table
        rows = table.partition("Sources")[0].splitlines()
        assert max(map(len, rows)) <= columns + 10
        assert "\x1b" not in table
    assert 'did you mean "mistral"?' in pennyroute.refused("prices", "show", "--provider", "mistrl")


def test_a_broken_configuration_leaves_the_book_readable(pennyroute: Pennyroute):
    (pennyroute.folder / "pennyroute.yaml").write_text("models: 3\n")
    ran = pennyroute.ok("prices", "show", "--provider", "offline")
    assert "left out" in ran.err
    assert "offline/small" in ran.out
    assert "pennyroute.yaml" in pennyroute.refused("prices", "show", "--config", "pennyroute.yaml")


def test_the_check_names_what_differs_from_litellms_map(pennyroute: Pennyroute):
    found = pennyroute.ok("prices", "check", "--format", "json").json
    assert found["compared"] > 50
    assert {"provider", "model", "bucket", "book", "other"} <= found["disagreements"][0].keys()
    assert "models compared" in pennyroute.ok("prices", "check").out
