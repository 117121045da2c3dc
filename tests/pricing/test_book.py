import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from router.pricing.book import BookEntry, ModelFacts, PriceBook, load_book
from router.pricing.errors import PriceError, UnknownPriceError
from router.pricing.price import Price
from router.pricing.stated import price_from

PRESETS_WITH_PRICES = {
    "openai": 20,
    "anthropic": 10,
    "gemini": 10,
    "mistral": 10,
    "deepseek": 4,
    "openrouter": 20,
    "volcengine": 8,
    "dashscope": 15,
    "offline": 2,
}


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return load_book()


def stated(provider: str, model: str, usd: int) -> Price:
    return price_from(provider, model, {"input": usd, "output": usd})


def one(book: PriceBook, provider: str, model: str) -> Price:
    price = book.price(provider, model)
    assert price is not None
    return price


def test_every_price_names_its_source_and_that_source_s_date(book: PriceBook):
    for entry in book.entries():
        if entry.price is not None:
            assert entry.price.source
            assert entry.price.source_date is not None
            assert (entry.price.provider, entry.price.model) == (entry.provider, entry.model)


@pytest.mark.parametrize("provider", PRESETS_WITH_PRICES)
def test_each_provider_has_its_current_models(book: PriceBook, provider: str):
    assert sum(entry.price is not None for entry in book.entries(provider)) >= PRESETS_WITH_PRICES[provider]


@pytest.mark.parametrize(
    "provider", ["qianfan", "hunyuan", "ollama", "vllm", "llama.cpp", "openai-compatible"]
)
def test_a_provider_without_a_source_has_no_prices_rather_than_zeros(book: PriceBook, provider: str):
    assert list(book.entries(provider)) == []
    assert book.price(provider, "any") is None
    assert book.facts(provider, "any") == ModelFacts()


def test_no_model_in_the_book_is_free(book: PriceBook):
    for entry in book.entries():
        assert entry.price is None or (entry.price.rates.input > 0 and entry.price.rates.output > 0)


def test_only_bundled_upstreams_have_example_prices(book: PriceBook):
    examples = {(e.provider, e.model) for e in book.entries() if e.price is not None and e.price.example}
    assert examples == {
        ("offline", "offline/small"),
        ("offline", "offline/large"),
        ("local", "local/smollm2-135m"),
    }


def test_a_discount_is_never_a_surcharge_and_a_write_never_cheaper_than_reading(book: PriceBook):
    for entry in book.entries():
        if entry.price is not None:
            rates = entry.price.rates
            assert rates.cached_input <= rates.input <= rates.cache_write_5m <= rates.cache_write_1h


@pytest.mark.parametrize(
    ("provider", "name", "model"),
    [
        ("openai", "gpt-5.4", "gpt-5.4"),
        ("openai", "gpt-5.4-2026-03-05", "gpt-5.4"),
        ("openai", "openai/gpt-5.4", "gpt-5.4"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("anthropic", "claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("mistral", "mistral-medium-latest", "mistral-medium-2604"),
        ("openrouter", "deepseek/deepseek-v4-pro", "deepseek/deepseek-v4-pro"),
    ],
)
def test_a_price_is_found_by_name_alias_prefix_and_dated_snapshot(
    book: PriceBook, provider: str, name: str, model: str
):
    assert one(book, provider, name).model == model


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "gpt-5.4-turbo"),
        ("openai", "claude-opus-5-5"),
        ("openrouter", "openai/gpt-5.4:free"),
        ("x", "y"),
    ],
)
def test_a_name_that_is_merely_similar_has_no_price(book: PriceBook, provider: str, name: str):
    assert book.price(provider, name) is None


def test_the_served_model_decides_the_price(book: PriceBook):
    price, whose = book.served("openai", "gpt-4o", "gpt-4o-2024-05-13")
    assert (price.model, whose) == ("gpt-4o-2024-05-13", "served")


@pytest.mark.parametrize("served", [None, "", "gpt-unheard-of"])
def test_an_unknown_served_model_costs_what_the_requested_one_does(book: PriceBook, served: str | None):
    price, whose = book.served("openai", "gpt-4o", served)
    assert (price.model, whose) == ("gpt-4o", "requested")


def test_a_served_model_can_be_priced_where_the_requested_one_is_not(book: PriceBook):
    price, whose = book.served("openai", "chatgpt-auto", "gpt-5.4-mini-2026-03-17")
    assert (price.model, whose) == ("gpt-5.4-mini", "served")


def test_two_unknown_models_are_an_error_and_not_free(book: PriceBook):
    with pytest.raises(UnknownPriceError, match="unknown-ok"):
        book.served("qianfan", "ernie-x", "ernie-y")


@pytest.mark.parametrize(
    "served", [None, "gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-05-13", "something-else"]
)
def test_a_price_in_the_config_wins_for_the_model_it_was_stated_for(served: str | None):
    mine = stated("openai", "gpt-4o", 1)
    over = load_book({"big": mine})
    assert over.served("openai", "gpt-4o", served) == (mine, "requested")
    assert over.served("openai", "big", served) == (mine, "requested")
    assert over.price("openai", "gpt-4o-2024-08-06") == mine
    assert over.served("openai", "gpt-4o-mini", None)[0].source != "config"


def test_a_config_name_means_its_own_provider_only():
    over = load_book({"gpt-5.4": stated("openai-compatible", "llama", 1)})
    assert one(over, "openai", "gpt-5.4").source.startswith("litellm")
    assert one(over, "openai-compatible", "gpt-5.4").model == "llama"


def test_two_servers_of_one_model_keep_their_own_prices_and_the_bare_name_costs_the_dearer():
    cheap, dear = stated("vllm", "llama", 1), stated("vllm", "llama", 2)
    for over in (load_book({"a": cheap, "b": dear}), load_book({"b": dear, "a": cheap})):
        assert (one(over, "vllm", "a"), one(over, "vllm", "b")) == (cheap, dear)
        assert one(over, "vllm", "llama") == dear


def test_the_version_is_a_date_and_a_hash(book: PriceBook):
    assert re.fullmatch(r"20\d\d-\d\d-\d\d-[0-9a-f]{8}", book.version)


def test_the_version_changes_with_a_price_a_name_and_nothing_else(book: PriceBook):
    mine = stated("vllm", "llama", 1)
    versions = [
        book.version,
        load_book({"a": mine}).version,
        load_book({"b": mine}).version,
        load_book({"a": stated("vllm", "llama", 2)}).version,
    ]
    assert len(set(versions)) == 4
    assert load_book({"a": mine}).version == versions[1]
    assert load_book().version == book.version


def test_the_version_is_the_same_in_another_process(book: PriceBook):
    code = "from router.pricing.book import load_book; print(load_book().version)"
    for seed in ("0", "1"):
        told = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout.strip() == book.version


def test_what_else_is_known_of_a_model_comes_with_it(book: PriceBook):
    facts = book.facts("anthropic", "claude-opus-5-5")
    assert facts == ModelFacts(context_window=1_000_000, max_output_tokens=128_000, tools=True, vision=True)
    assert book.facts("openrouter", "minimax/minimax-m3").tools is None


def test_the_advice_names_the_close_match_and_every_way_out(book: PriceBook):
    advice = book.how_to_price("gpt-5.4-mnii", "openai")
    for part in ('"gpt-5.4-mini"', "price: {input:", "usd_per_hour", "unknown-ok"):
        assert part in advice


def test_one_name_for_two_models_is_refused():
    entries = [BookEntry("p", "a", ModelFacts(), aliases=("b",)), BookEntry("p", "b", ModelFacts())]
    with pytest.raises(PriceError, match="b is in the book twice"):
        PriceBook(entries)


def test_deepseek_is_cheaper_at_night_and_dear_to_who_does_not_say_when(book: PriceBook):
    price = one(book, "deepseek", "deepseek-v4-pro")
    night = price.at(datetime(2026, 11, 24, 22, tzinfo=UTC))
    assert night.rates.input * 2 == price.rates.input == 1_320_000
