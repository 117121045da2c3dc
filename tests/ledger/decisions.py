"""Decisions as the router makes them, for tests of the bookkeeper: a cheap `tiny`, a dear `big`, a fallback."""

from datetime import date
from typing import Any

import msgspec

from classifiers import Heuristic, QueryFacts
from policies import Caps, ModelLimits, Tier
from router.access.caller import Caller
from router.catalog import Model, Route
from router.decision import Decision, decide, direct
from router.ledger.entry import Labels
from router.pricing.book import BookEntry, ModelFacts, PriceBook
from router.pricing.money import parse_usd_per_million as usd
from router.pricing.price import OffPeak, Price, Rates, Window
from router.providers.endpoint import Endpoint
from router.providers.presets import Lane
from router.query import Query, Turn
from router.routes.threshold import Threshold

PROVIDER = "acme"
CALLER = Caller(account="main", key_id="key_1", may_call=True, admin=False)


def a_price(model: str, dollars_in: str, dollars_out: str, **more: Any) -> Price:
    return Price(
        provider=PROVIDER,
        model=model,
        rates=Rates.of(usd(dollars_in), usd(dollars_out)),
        source="test",
        source_date=date(2026, 1, 1),
        **more,
    )


ALWAYS = Window(frozenset(range(1, 8)), 0, 1440)
NIGHT_PRICE = a_price("night-1", "1", "1", off_peak=OffPeak(Rates.of(usd("0.5"), usd("0.5")), (ALWAYS,)))
PRICES = {
    "tiny-1": a_price("tiny-1", "0.1", "0.4"),
    "tiny-2": a_price("tiny-2", "0.2", "0.8"),
    "big-1": a_price("big-1", "2", "10"),
    "spare-1": a_price("spare-1", "1", "2"),
    "night-1": NIGHT_PRICE,
}
BOOK = PriceBook(BookEntry(PROVIDER, name, ModelFacts(), price) for name, price in PRICES.items())


def a_model(name: str, upstream: str, **more: Any) -> Model:
    return Model(
        name=name,
        provider=PROVIDER,
        endpoint=Endpoint(name, PROVIDER, Lane.FAST, "http://127.0.0.1:1/v1", upstream),
        price=more.pop("price", PRICES.get(upstream)),
        limits=ModelLimits(),
        max_output_tokens=1_000,
        **more,
    )


TINY, BIG, SPARE = a_model("tiny", "tiny-1"), a_model("big", "big-1"), a_model("spare", "spare-1")
UNPRICED = a_model("unpriced", "who-knows")


def a_route(**more: Any) -> Route:
    fields = {"name": "support", "small": TINY, "large": BIG, "threshold": 0.5, "fallbacks": (SPARE,)}
    return Route(**(fields | {"caps": Caps()} | more))


def a_query(text: str = "What is 2 + 2?", **more: Any) -> Query:
    body = {"messages": msgspec.Raw(msgspec.json.encode([{"role": "user", "content": text}]))}
    fields = {
        "caller": CALLER,
        "target": "support",
        "body": body,
        "turns": (Turn("user", text, 0),),
        "facts": QueryFacts(text),
        "input_bytes": len(text.encode()),
        "labels": Labels(team="legal"),
        "arrived_s": 0.0,
        "output_asked": 100,
    }
    return Query(**(fields | more))


def a_decision(decision_id: str = "dec_1", route: Route | None = None, **query: Any) -> Decision:
    """A routed decision; this query goes to the small model."""
    threshold = Threshold("support", 1.0, 1, "config", 0, "")
    return decide(decision_id, a_query(**query), route or a_route(), threshold, Heuristic())


def a_direct_decision(model: Model, decision_id: str = "dec_1") -> Decision:
    return direct(decision_id, a_query(), model, Tier.LARGE)
