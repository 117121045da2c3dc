"""The models and routes of a configuration, ready to be used: endpoints, prices and limits resolved once."""

import difflib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from policies import Caps, ModelLimits, Tier
from policies.ladder import Ladder
from router.answers.terms import CacheTerms
from router.audit.terms import AuditTerms
from router.errors import InvalidRequest, UnknownModel, UnknownRoute
from router.names import AUTO, DEFAULT_ROUTE
from router.pricing.book import PriceBook
from router.pricing.errors import UnknownPriceError
from router.pricing.price import Price
from router.providers.endpoint import Endpoint

NO_LADDER: Final = Ladder()


@dataclass(frozen=True, slots=True)
class Model:
    """A configured model.

    Attributes:
        name: as configured; what decisions, reports and headers show.
        provider: the provider's preset name.
        endpoint: where it is called.
        price: `None` where the configuration allows an unknown one.
        price_from_book: whether the book states it; then what the provider says it served decides the price.
        max_output_tokens: what it can answer at most, when known.
    """

    name: str
    provider: str
    endpoint: Endpoint
    price: Price | None
    limits: ModelLimits
    max_output_tokens: int | None = None
    price_from_book: bool = True

    def served_price(self, book: PriceBook, served: str | None) -> tuple[Price | None, str]:
        """What a call costs by the model that its provider says it served, and whose price that is."""
        if self.price is not None and self.price_from_book:
            with suppress(UnknownPriceError):  # then the price the catalog took from the book stands
                return book.served(self.price.provider, self.price.model, served)
        return self.price, "requested"


@dataclass(frozen=True, slots=True)
class Route:
    """A configured route.

    Attributes:
        threshold: what the configuration says, 0-1; the store's versioned one is what decides.
        quality_floor: 0-1; without a certificate of at least this, all goes to large.
        answer_nano: what a good answer is worth, nano-dollars; then that decides in place of the threshold.
        usual_output_tokens: what an answer is expected to take, to know what this query costs more at large.
        fallbacks: tried in order when the chosen model fails; a small one's partner comes before them.
        attempts: calls one decision may make in all.
        store_prompts: whether decisions keep the messages and the answer.
        audit: how it is audited; `None` where it is not.
        require: labels that a call must have, its own or its key's.
        cache: how its answers are given again; `None` where they are not.
        ladder: what it gives up under pressure; with a quality floor only what lowers no answer's quality,
            unless the configuration says otherwise.
        answers: fingerprint of who answers: providers, base URLs and upstream models of both tiers as
            configured, and the caps. What was proven of one proves nothing of another.
    """

    name: str
    small: Model
    large: Model
    threshold: float
    caps: Caps
    fallbacks: tuple[Model, ...] = ()
    attempts: int = 3
    store_prompts: bool = False
    quality_floor: float | None = None
    answer_nano: int | None = None
    usual_output_tokens: int = 0
    audit: AuditTerms | None = None
    answers: str = ""
    cache: CacheTerms | None = None
    require: tuple[str, ...] = ()
    ladder: Ladder = NO_LADDER

    @property
    def model_names(self) -> set[str]:
        """Every model that may answer its callers."""
        return {self.small.name, self.large.name, *(model.name for model in self.fallbacks)}


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that can be asked for by name."""

    models: Mapping[str, Model]
    routes: Mapping[str, Route]

    def find(self, name: str) -> Route | Model:
        """The route, or else the model, of that name; `auto` is the default route.

        Raises:
            UnknownModel: neither; with the nearest name as a suggestion.
        """
        found = self.routes.get(DEFAULT_ROUTE if name == AUTO else name) or self.models.get(name)
        if found is None:
            raise UnknownModel(
                f"model {_shown(name)} is neither a route nor a configured model"
                f"{suggestion(name, [*self.routes, *self.models, AUTO])}",
                param="model",
            )
        return found

    def usual_tier(self, model: Model) -> Tier:
        """What a model is to the routes: small where it is only ever the small one."""
        routes = self.routes.values()
        is_large = any(route.large.name == model.name for route in routes)
        is_small = any(route.small.name == model.name for route in routes)
        return Tier.SMALL if is_small and not is_large else Tier.LARGE

    def required(self, target: Route | Model) -> tuple[str, ...]:
        """Labels that a call of a route must have, or of a model by its name: those of every route it is in.

        Else naming the model would be the way around a route that requires them.
        """
        if isinstance(target, Route):
            return target.require
        routes = [route for route in self.routes.values() if target.name in route.model_names]
        return tuple(dict.fromkeys(label for route in routes for label in route.require))

    def route(self, name: str) -> Route:
        """The route of that name.

        Raises:
            UnknownRoute: with the nearest name as a suggestion.
        """
        found = self.routes.get(name)
        if found is None:
            raise UnknownRoute(
                f"route {_shown(name)} is not configured{suggestion(name, self.routes)}", param="route"
            )
        return found


def check_settable(route: Route) -> None:
    """Whether a person may set the route's threshold.

    Raises:
        InvalidRequest: a threshold without a certificate would change nothing there.
    """
    if route.quality_floor is not None:
        raise InvalidRequest(
            f"route {route.name!r} has a quality floor of {route.quality_floor:g}: only a threshold with a "
            f"certificate counts there. `pennyroute tune … --floor {route.quality_floor:g} --route "
            f"{route.name} --apply` makes one; or set a threshold instead of the floor in the configuration",
            param="threshold",
        )
    if route.answer_nano is not None:
        raise InvalidRequest(
            f"route {route.name!r} weighs what an answer is worth (value_usd) and has no threshold to set; "
            "change value_usd in the configuration",
            param="threshold",
        )


def suggestion(name: str, known: "Mapping[str, object] | list[str]") -> str:
    """`; did you mean "x"?`, or the names there are."""
    names = sorted(known)
    near = difflib.get_close_matches(name[:100], names, 1, 0.6)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; there are: {', '.join(names[:20])}"


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else f"{name[:100]}…")
