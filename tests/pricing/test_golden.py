"""Usage shapes with the nano-dollars they cost, worked out by `reference`."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from router.pricing.book import PriceBook, load_book
from router.pricing.price import cost_nano
from router.pricing.usage import Usage

from .reference import reference_nano

_LINES = (Path(__file__).parent / "golden.jsonl").read_text(encoding="utf-8").splitlines()
CASES = [json.loads(line) for line in _LINES]


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return load_book()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_book_and_the_cost_give_the_expected_nano_dollars(case: dict[str, Any], book: PriceBook):
    price = book.price(case["provider"], case["model"])
    assert price is not None
    if "at" in case:
        price = price.at(datetime.fromisoformat(case["at"]))
    assert cost_nano(Usage(**case["usage"]), price, case.get("service_tier")) == case["expected_nano"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_expected_value_is_what_the_stated_prices_give(case: dict[str, Any]):
    assert reference_nano(case["usage"], case["usd_per_million"]) == case["expected_nano"]


def test_the_cases_cover_at_least_forty_distinct_shapes():
    shapes = {(json.dumps(case["usage"]), case.get("service_tier"), case["model"]) for case in CASES}
    assert len(shapes) >= 40
