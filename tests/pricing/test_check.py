import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from router.pricing.book import BookEntry, ModelFacts, PriceBook, load_book
from router.pricing.check import COMPARED_PROVIDERS, CheckReport, check
from router.pricing.show import show_rows
from router.pricing.stated import price_from


def a_book(stated: dict[str, Any], *aliases: str) -> PriceBook:
    return PriceBook(
        [BookEntry("openai", "m", ModelFacts(), price_from("openai", "m", stated, source="x"), aliases)]
    )


def against(book: PriceBook, name: str = "m", **entry: object) -> CheckReport:
    return check(book, {name: {"litellm_provider": "openai", "mode": "chat", **entry}})


BOTH = {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1.5e-05}


def rows(report: CheckReport) -> list[tuple[str, str | None, str | None]]:
    return [(row.bucket, row.book, row.other) for row in report.disagreements]


def test_equal_prices_are_no_disagreement_though_the_map_keeps_floats():
    report = against(a_book({"input": 2.5, "output": 15}), **BOTH)
    assert (report.compared, rows(report)) == (1, [])


def test_a_rate_that_differs_is_shown_with_both_values():
    report = against(a_book({"input": 2, "cached_input": "0.2", "output": 15}), **BOTH)
    assert rows(report) == [("standard input", "2", "2.5"), ("standard cached_input", "0.2", None)]


def test_a_step_or_tier_on_one_side_only_is_one_row():
    mine = {"input": 2.5, "output": 15, "steps": [{"above_input_tokens": 1_000, "input": 5, "output": 30}]}
    flex = {"input_cost_per_token_flex": 1.25e-06, "output_cost_per_token_flex": 7.5e-06}
    assert rows(against(a_book(mine), **BOTH)) == [("standard above 1000", "5 in, 30 out", None)]
    assert rows(against(a_book({"input": 2.5, "output": 15}), **BOTH, **flex)) == [
        ("flex", None, "1.25 in, 7.5 out")
    ]


def test_long_context_tiers_cache_writes_and_sound_are_read_from_the_map():
    stated = {
        "input": 2.5,
        "cached_input": 0.25,
        "cache_write_5m": 3,
        "cache_write_1h": 4,
        "audio_input": 9,
        "output": 15,
        "steps": [{"above_input_tokens": 200_000, "input": 5, "cached_input": 0.5, "output": 22.5}],
        "tiers": {
            "batch": {
                "input": 1,
                "output": 7,
                "steps": [{"above_input_tokens": 200_000, "input": 2, "output": 11}],
            }
        },
    }
    entry = {
        "cache_read_input_token_cost": 2.5e-07,
        "cache_creation_input_token_cost": 3e-06,
        "cache_creation_input_token_cost_above_1hr": 4e-06,
        "input_cost_per_audio_token": 9e-06,
        "input_cost_per_token_above_200k_tokens": 5e-06,
        "cache_read_input_token_cost_above_200k_tokens": 5e-07,
        "output_cost_per_token_above_200k_tokens": 2.25e-05,
        "input_cost_per_token_batches": 1e-06,
        "output_cost_per_token_batches": 7e-06,
        "input_cost_per_token_above_200k_tokens_batches": 2e-06,
        "output_cost_per_token_above_200k_tokens_batches": 1.1e-05,
    }
    assert rows(against(a_book(stated), **BOTH, **entry)) == []
    assert rows(against(a_book(stated), **BOTH, **entry, cache_read_input_token_cost_priority=1)) == []
    dearer = {**entry, "cache_creation_input_token_cost": 3.5e-06}
    assert ("standard cache_write_5m", "3", "3.5") in rows(against(a_book(stated), **BOTH, **dearer))


def test_ranges_and_off_peak_hours_are_read_from_the_map():
    ranged = [
        {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "range": [0, 32000.0]},
        {"input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06, "range": [32000.0, 64000.0]},
    ]
    stepped = {"input": 1, "output": 2, "steps": [{"above_input_tokens": 32_000, "input": 3, "output": 4}]}
    assert rows(against(a_book(stepped), tiered_pricing=ranged)) == []
    hours = {"hours_utc": ["10:00-00:00"], "weekdays": [1]}
    night = {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "windows": [hours]}
    mine = {
        "input": 2.5,
        "output": 15,
        "off_peak": {"input": 1, "output": 2, "windows": [{"weekdays": [1], "hours_utc": ["10:00-24:00"]}]},
    }
    assert rows(against(a_book(mine), **BOTH, off_peak_pricing=night)) == []


def test_a_snapshot_is_compared_with_the_price_its_name_is_given():
    report = against(a_book({"input": 2, "output": 15}), "m-2026-01-01", **BOTH)
    assert [(row.model, row.bucket) for row in report.disagreements] == [("m-2026-01-01", "standard input")]


def test_what_only_one_side_has_is_listed():
    report = against(a_book({"input": 2, "output": 15}), "other", **BOTH)
    assert (report.only_in_book, report.only_in_map) == ((("openai", "m"),), (("openai", "other"),))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}, "states no price"),
        ({}, "states no price"),
        ({"input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06}, "negative"),
        ({"input_cost_per_token": 1e-06}, "output: missing"),
    ],
)
def test_an_entry_without_a_readable_price_is_reported_and_not_taken_for_free(
    entry: dict[str, Any], says: str
):
    report = against(a_book({"input": 2, "output": 15}), **entry)
    assert report.compared == 0
    assert says in report.unreadable[0][2]


def test_other_providers_and_other_kinds_of_model_are_left_out():
    report = check(
        a_book({"input": 1, "output": 1}),
        {
            "a": {"litellm_provider": "azure", "mode": "chat", **BOTH},
            "b": {"litellm_provider": "openai", "mode": "embedding", **BOTH},
        },
    )
    assert report == CheckReport(0, (), (), (), ())


def test_the_packaged_book_agrees_with_litellm_s_map_wherever_that_states_a_rate():
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / "model_prices_and_context_window_backup.json").read_text(
        encoding="utf-8"
    )
    report = check(load_book(), json.loads(text))
    assert report.compared >= 120
    assert [row for row in report.disagreements if row.other is not None] == []
    assert report.only_in_book == ()
    assert {provider for provider, _ in report.only_in_map} <= set(COMPARED_PROVIDERS)


def test_each_model_of_the_book_is_one_row_and_unknown_is_not_zero():
    book = load_book({"mine": price_from("vllm", "llama", {"usd_per_hour": 1, "tokens_per_second": 100})})
    every = show_rows(book)
    assert len(every) == 1 + sum(1 for _ in book.entries())
    assert (every[0].name, every[0].input, every[0].source) == ("mine", "2.777778", "config")
    assert "1 USD/h" in every[0].note
    assert {row.provider for row in show_rows(book, "gemini")} == {"gemini"}
    unknown = PriceBook([BookEntry("p", "m", ModelFacts())])
    assert (show_rows(unknown)[0].input, show_rows(unknown)[0].source) == (None, "unknown")


def test_a_row_says_what_the_main_rates_do_not():
    by_model = {row.model: row for row in show_rows(load_book())}
    assert "above 272,000 input tokens 5/22.5" in by_model["gpt-5.4"].more
    assert "flex 1.25/7.5" in by_model["gpt-5.4"].more
    assert "audio input 1" in by_model["gemini-2.5-flash"].more
    assert "off-peak 0.66/1.98" in next(
        r.more for r in show_rows(load_book(), "deepseek") if "pro" in r.model
    )
    assert by_model["offline/small"].example
