"""What must hold between the fields of a configuration.

These checks read the plain data, not the typed settings, so that one wrong field does not hide the problems
of its neighbours.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path as FilePath
from typing import Any, Final

from router.names import AUTO, DEFAULT_ROUTE
from router.pricing.errors import PricingError
from router.pricing.stated import price_from
from router.providers.presets import PRESETS, Lane
from router.settings.audit_check import audit_findings, judging_model
from router.settings.document import Path
from router.settings.fields import ENVIRONMENT
from router.settings.finding import Finding
from router.settings.ladder_check import ladder_findings
from router.settings.models import LedgerSettings, TimeoutSettings
from router.settings.problems import Severity, did_you_mean, shown

HasPrice = Callable[[str, str], bool]
"""(price provider, upstream model) → whether the price book knows its price."""

_SAFE_AGE_OF_A_HOLD: Final = 2
_POLICIES: Final = ("threshold", "quality_floor", "value_usd")
_OWN_MACHINES: Final = frozenset({"ollama", "vllm", "llama.cpp", "openai-compatible"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a check needs to know beside the file.

    Attributes:
        has_price: whether the price book knows a model's price.
        directory: where relative paths begin.
        broken: paths that are already known to be wrong.
    """

    has_price: HasPrice
    directory: FilePath
    broken: frozenset[Path] = frozenset()

    def is_broken(self, path: Path) -> bool:
        """Whether something at or inside a path was already found wrong."""
        return any(other[: len(path)] == path for other in self.broken)


def cross_check(data: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    """Every problem that lies between fields."""
    models, routes = _sections(data, "models"), _sections(data, "routes")
    yield from _names(models, routes)
    for name, route in routes.items():
        yield from _references(name, route, models)
        yield from _one_policy(name, route)
        yield from audit_findings(name, route, models)
        yield from ladder_findings(name, route)
    for name, model in models.items():
        yield from chain(
            _address(name, model),
            _literal_key(name, model),
            _timeouts(name, model),
            _price_form(name, model, around),
        )
        yield from _price_known(name, model, routes, around)
    yield from _ledger(data)
    yield from _classifier(data, around)


def _sections(data: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    section = data.get(key)
    found = section if isinstance(section, Mapping) else {}
    return {name: value if isinstance(value, Mapping) else {} for name, value in found.items()}


def _names(models: Mapping[str, Any], routes: Mapping[str, Any]) -> Iterator[Finding]:
    for kind, names in (("models", models), ("routes", routes)):
        if AUTO in names:
            yield Finding(
                (kind, AUTO),
                f'"{AUTO}" is reserved: callers use it for the default route',
                "choose another name",
            )
    for name in routes.keys() & models.keys():
        yield Finding(
            ("routes", name),
            f"{shown(name)} is also the name of a model; a caller's `model` could mean either",
            "rename one of the two",
        )
    if routes and DEFAULT_ROUTE not in routes:
        hint = did_you_mean(DEFAULT_ROUTE, routes)
        yield Finding(
            ("routes",),
            f'there is no route "{DEFAULT_ROUTE}"; calls that name no route need one',
            hint if hint and hint.startswith("did") else f"add {DEFAULT_ROUTE}: {{small: …, large: …}}",
        )


def _one_policy(name: str, route: Mapping[str, Any]) -> Iterator[Finding]:
    stated = [policy for policy in _POLICIES if route.get(policy) is not None]
    if len(stated) > 1:
        yield Finding(
            ("routes", name, stated[1]),
            f"{' and '.join(stated)} are both set, and each of them decides which model answers",
            "keep one of them",
        )
    if route.get("value_usd") is not None and route.get("price") == "unknown-ok":
        yield Finding(
            ("routes", name, "value_usd"),
            "what an answer is worth can only be weighed against known prices, and the route allows "
            "unknown ones",
            "remove price: unknown-ok, or set a threshold",
        )
    caps = route.get("caps")
    if isinstance(caps, Mapping) and caps.get("max_cost_usd") is not None and route.get("price"):
        yield Finding(
            ("routes", name, "caps", "max_cost_usd"),
            "what a query may cost can only be capped where every price is known, and the route allows "
            "unknown ones",
            "remove price: unknown-ok, or remove the cap",
        )


def _references(name: str, route: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Finding]:
    fallbacks = route.get("fallbacks")
    listed = fallbacks if isinstance(fallbacks, list) else []
    places: list[tuple[Path, Any]] = [((field,), route.get(field)) for field in ("small", "large")]
    places += [(("fallbacks", i), model) for i, model in enumerate(listed)]
    for where, model in places:
        if isinstance(model, str) and model not in models:
            yield Finding(
                ("routes", name, *where),
                f"model {shown(model)} is not configured",
                did_you_mean(model, models),
            )
    if isinstance(route.get("small"), str) and route.get("small") == route.get("large"):
        yield Finding(
            ("routes", name, "large"),
            "small and large are the same model, so this route saves nothing",
            "name two models",
            Severity.WARNING,
        )


def _address(name: str, model: Mapping[str, Any]) -> Iterator[Finding]:
    preset = PRESETS.get(model["provider"]) if isinstance(model.get("provider"), str) else None
    if preset is None or preset.base_url or preset.lane is not Lane.FAST or preset.is_bundled:
        return
    if model.get("base_url") is None:
        yield Finding(
            ("models", name, "base_url"),
            f"is missing; provider {preset.name} has no address of its own",
            "add base_url: http://host:port/v1",
        )


def _literal_key(name: str, model: Mapping[str, Any]) -> Iterator[Finding]:
    key = model.get("api_key")
    if isinstance(key, str) and key and not key.startswith((ENVIRONMENT, "$")):
        variable = "".join(c if c.isascii() and c.isalnum() else "_" for c in name).upper().strip("_")
        yield Finding(
            ("models", name, "api_key"),
            "a key is written in this file, where it can be copied and committed",
            f"write api_key: {ENVIRONMENT}{variable}_KEY and set that variable",
            Severity.WARNING,
        )


def _timeouts(name: str, model: Mapping[str, Any]) -> Iterator[Finding]:
    given = model.get("timeouts")
    if not isinstance(given, Mapping):
        return
    total = given.get("total_s", TimeoutSettings().total_s)
    for part in ("connect_s", "first_byte_s"):
        value = given.get(part)
        if _is_number(value) and _is_number(total) and value > total:
            yield Finding(
                ("models", name, "timeouts", part),
                f"is longer than the whole attempt may take ({total} s)",
                "raise total_s or lower this one",
            )


def _price_form(name: str, model: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    path: Path = ("models", name, "price")
    stated = model.get("price")
    if not isinstance(stated, Mapping) or around.is_broken(path):
        return
    given = {field: value for field, value in stated.items() if value is not None}
    try:
        price_from("", name, given)
    except PricingError as error:
        yield Finding(path, error.message)


def _price_known(
    name: str, model: Mapping[str, Any], routes: Mapping[str, Mapping[str, Any]], around: Surroundings
) -> Iterator[Finding]:
    provider = model.get("provider")
    preset = PRESETS.get(provider) if isinstance(provider, str) else None
    if preset is None or model.get("price") is not None:
        return
    upstream = model.get("model") or preset.only_model or name
    if not isinstance(upstream, str) or around.has_price(preset.price_provider, upstream):
        return
    users = [route for route, fields in routes.items() if name in _named_by(fields)]
    strict = [route for route in users if routes[route].get("price") != "unknown-ok"]
    if users and not strict:
        return
    form = "price: {input: 0.10, output: 0.40} (USD per million tokens)"
    if provider in _OWN_MACHINES:
        form += " or price: {usd_per_hour: 1.20, tokens_per_second: 900, utilisation: 0.5}"
    on_routes = f", or write price: unknown-ok on route {', '.join(strict)}" if strict else ""
    yield Finding(
        ("models", name),
        f"no price is known for model {shown(upstream)} of provider {provider}",
        f"add {form}{on_routes}",
    )


def _named_by(route: Mapping[str, Any]) -> list[Any]:
    fallbacks = route.get("fallbacks")
    listed = fallbacks if isinstance(fallbacks, list) else []
    return [route.get("small"), route.get("large"), judging_model(route), *listed]


def _ledger(data: Mapping[str, Any]) -> Iterator[Finding]:
    given = data.get("ledger")
    if not isinstance(given, Mapping):
        return
    usual = LedgerSettings()
    expiry = given.get("hold_expiry_s", usual.hold_expiry_s)
    every = given.get("extend_every_s", usual.extend_every_s)
    if _is_number(expiry) and _is_number(every) and every * _SAFE_AGE_OF_A_HOLD > expiry:
        field = "extend_every_s" if "extend_every_s" in given else "hold_expiry_s"
        yield Finding(
            ("ledger", field),
            f"a hold of {expiry} s extended every {every} s could expire under a call that is still running",
            "keep extend_every_s at most half of hold_expiry_s",
        )


def _classifier(data: Mapping[str, Any], around: Surroundings) -> Iterator[Finding]:
    given = data.get("classifier")
    # os.path.isdir, because pathlib's raises for a path that is too long.
    if isinstance(given, str) and not os.path.isdir(around.directory / given):  # noqa: PTH112
        yield Finding(
            ("classifier",),
            "there is no such directory",
            "name the directory that `pennyroute train --out` wrote, or leave the field out",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
