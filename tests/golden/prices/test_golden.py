"""Every fixture by the way a call takes: a provider's answer over HTTP, its usage, its price, the ledger's entry."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from policies import ModelLimits, Tier
from router.attempts import spent_on
from router.bookkeeper import Bookkeeper, Charge, OpenAttempt
from router.catalog import Model
from router.clock import real_world
from router.decision import direct
from router.ledger.entry import Tokens
from router.ledger.ledger import Ledger, Terms
from router.ledger.verify import verify
from router.pricing.book import PriceBook, load_book
from router.pricing.price import Price
from router.pricing.stated import price_from
from router.pricing.usage import UsageSource
from router.providers import wide
from router.providers.endpoint import Call, Endpoint
from router.providers.presets import PRESETS, Lane, Preset
from router.providers.secret import Secret
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from router.spool import Spool
from router.store.connection import Store
from tests.golden.prices import make
from tests.golden.prices.upstream import AnyWire, spoken
from tests.ledger.decisions import a_query
from tests.providers.calls import PATIENT, raw, told, whole
from tests.store.servers import StoreServer

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),  # litellm keeps its connections in the module
    pytest.mark.filterwarnings("ignore:Item .* on TypedDict class .*:UserWarning"),  # of litellm's own types
]

Fixture = dict[str, Any]
FIXTURES: dict[str, list[Fixture]] = {
    page.stem: [json.loads(line) for line in page.read_text(encoding="utf-8").splitlines()]
    for page in sorted(make.FIXTURES.glob("*.jsonl"))
}
ALL = [fixture for page in FIXTURES.values() for fixture in page]


@pytest.fixture(scope="module")
def upstream() -> Iterator[AnyWire]:
    with AnyWire() as wire:
        yield wire


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams(Session(), real_world())
    yield made
    await made.aclose()
    litellm = wide.load()
    for noted in (litellm.input_callback, litellm.success_callback, litellm._async_success_callback):
        noted.clear()  # it notes its own cache of Gemini's contexts there, and other tests look


@pytest_asyncio.fixture(loop_scope="module")
async def empty_store(store_server: StoreServer) -> AsyncIterator[Store]:
    found = Store.at_url(store_server.url)
    await found.everywhere("FLUSHALL")
    yield found
    await found.aclose()


@pytest.mark.parametrize("preset", FIXTURES)
async def test_every_usage_comes_to_the_expected_buckets_and_nano_dollars(
    preset: str, upstream: AnyWire, upstreams: Upstreams, empty_store: Store, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool", real_world())
    found, expected, charged = {}, {}, 0
    for number, fixture in enumerate(FIXTURES[preset]):
        name = f"{number} {fixture['what']}"
        book, model = _priced(fixture, _endpoint(PRESETS[preset], fixture, upstream))
        books = Bookkeeper(Ledger(empty_store, Terms()), spool, book, real_world())
        upstream.say(spoken(fixture))
        call = Call(model.endpoint, raw(), stream="stream" in fixture)
        answer = (await told(upstreams, call)).stream if call.stream else await whole(upstreams, call)
        attempt = await _opened(books, model, fixture, number)
        charge = await books.close(attempt, spent_on(answer, attempt, "ok"))
        charged += charge.cost_nano or 0
        found[name] = _shown(charge)
        expected[name] = (fixture["buckets"], fixture["nano"])
    spool.close()
    assert found == expected
    verified = await verify(empty_store, "main")
    assert verified.clean
    assert (verified.entries, verified.cost_nano) == (len(expected), charged)


@cache
def _packaged() -> PriceBook:
    return load_book()


@cache
def _with(price: Price) -> PriceBook:
    return load_book({"golden": price})


def _shown(charge: Charge) -> tuple[dict[str, int] | None, int | None]:
    """Buckets without zeros, and the cost; nothing where nothing was stated, and so was counted, at a cost."""
    assert charge.usage is not None
    if charge.source is UsageSource.COUNTED:
        assert charge.cost_nano
        return None, None
    counts = msgspec.structs.asdict(Tokens.of(charge.usage))
    whole_ = {name: counts.pop(name) for name in ("input", "output")}
    return whole_ | {name: count for name, count in counts.items() if count}, charge.cost_nano


def _endpoint(preset: Preset, fixture: Fixture, upstream: AnyWire) -> Endpoint:
    base = upstream.root_url
    if preset.name == "gemini":
        base = f"{base}/models/{fixture['model']}"
    elif preset.lane is Lane.FAST or preset.name == "litellm":
        base = upstream.base_url
    return Endpoint(
        name="golden",
        provider=preset.name,
        lane=preset.lane,
        base_url=base,
        upstream_model=fixture["model"],
        api_key=Secret("sk-test-secret"),
        quirks=preset.quirks,
        timeouts=PATIENT,
    )


def _priced(fixture: Fixture, endpoint: Endpoint) -> tuple[PriceBook, Model]:
    provider, name = PRESETS[fixture["preset"]].price_provider, fixture["model"]
    if "price" in fixture:
        price = price_from(provider, name, fixture["price"])
        book = _with(price)
    else:
        book = _packaged()
        found = book.price(provider, name)
        assert found is not None
        price = found
    model = Model(
        name="golden",
        provider=fixture["preset"],
        endpoint=endpoint,
        price=price,
        limits=ModelLimits(),
        max_output_tokens=100,
        price_from_book="price" not in fixture,
    )
    return book, model


async def _opened(books: Bookkeeper, model: Model, fixture: Fixture, number: int) -> OpenAttempt:
    attempt = await books.open(direct(f"dec_{number}", a_query(), model, Tier.LARGE), model, 1, version="")
    if "at" not in fixture:
        return attempt
    at_ms = int(datetime.fromisoformat(fixture["at"]).timestamp() * 1000)
    return msgspec.structs.replace(attempt, worst=msgspec.structs.replace(attempt.worst, at_ms=at_ms))
