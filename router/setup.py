"""From a configuration, or none, to what a command works with: prices, catalog, classifier, store."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from classifiers import ArtifactError, Classifier, default_classifier, load_artifact
from policies import Caps, ModelLimits
from policies.ladder import Ladder, Step
from router.answers.keys import SealingKey, keys_from
from router.answers.terms import CacheTerms
from router.audit.terms import CRITERIA, AuditTerms, JudgeTerms
from router.catalog import Catalog, Model, Route
from router.discovery import Discovered, Pair, discover
from router.errors import SetupError
from router.names import CONFIG_FILE
from router.outcomes.record import JudgedBy
from router.pricing.book import PriceBook, load_book
from router.pricing.money import parse_usd, round_usd
from router.providers.endpoint import Endpoint, Timeouts
from router.providers.presets import PRESETS, Preset
from router.settings import ModelSettings, RouteSettings, Settings, check_config
from router.settings.answers import CacheSettings
from router.settings.audit import AuditSettings, JudgeSettings
from router.settings.checked import usable
from router.store.connection import Store
from router.store.embedded import EmbeddedStore

OFFLINE: Final = "offline"
LOCAL: Final = "local"
_SERVED_BY_US: Final = frozenset({OFFLINE, LOCAL})


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a configuration comes to.

    Attributes:
        notes: sentences for the person who starts it: which models were chosen and why, and warnings.
        served_by_us: the providers among `offline` and `local` whose server must be started with the service.
        pair: the models found where there is no file.
        answer_keys: from the environment, to seal answers with.
    """

    settings: Settings
    book: PriceBook
    catalog: Catalog
    classifier: Classifier
    notes: tuple[str, ...]
    served_by_us: frozenset[str]
    pair: Pair | None = None
    answer_keys: tuple[SealingKey, ...] = ()


def set_up(config: Path | None, environ: Mapping[str, str], pair: Pair | None = None) -> SetUp:
    """Checks and resolves everything that is known before anything starts.

    Args:
        config: the file; `None` takes `pennyroute.yaml` in the working directory if there is one, else
            looks for keys and local servers, else the offline upstream.
        environ: the environment.
        pair: the models another process found, to be taken without looking again.

    Raises:
        SetupError: with every problem of the configuration.
    """
    if pair is None:
        found = _found(config, environ)
    else:
        found = Discovered(pair.settings(environ), (), offline=False, pair=pair)
    settings = found.settings
    book = load_book(settings.stated_prices())
    classifier = _classifier(settings.classifier)
    used = {model.provider for model in settings.models.values()} & _SERVED_BY_US
    elsewhere = {model.provider for model in settings.models.values() if model.base_url is not None}
    return SetUp(
        settings=settings,
        book=book,
        catalog=_catalog(settings, book, classifier.default_threshold),
        classifier=classifier,
        notes=found.notes,
        served_by_us=frozenset(used - elsewhere),
        pair=found.pair,
        answer_keys=keys_from(environ),
    )


def with_address(made: SetUp, host: str | None, port: int | None) -> SetUp:
    """The same, listening where the command line says; `None` leaves it to the configuration."""
    given = {"host": host, "port": port}
    update = {name: value for name, value in given.items() if value is not None}
    server = made.settings.server.model_copy(update=update)
    return replace(made, settings=made.settings.model_copy(update={"server": server}))


def with_addresses(catalog: Catalog, addresses: Mapping[str, str]) -> Catalog:
    """The catalog with the addresses of the providers we serve ourselves, known once they are started."""

    def moved(model: Model) -> Model:
        base_url = addresses.get(model.provider)
        if base_url is None or model.endpoint.base_url:
            return model
        return replace(model, endpoint=replace(model.endpoint, base_url=base_url))

    models = {name: moved(model) for name, model in catalog.models.items()}
    routes = {
        name: replace(
            route,
            small=models[route.small.name],
            large=models[route.large.name],
            fallbacks=tuple(models[model.name] for model in route.fallbacks),
        )
        for name, route in catalog.routes.items()
    }
    return Catalog(models, routes)


@asynccontextmanager
async def open_store(settings: Settings, data_dir: Path) -> AsyncIterator[Store]:
    """The store: the configured or `REDIS_URL`'s one, else the embedded one of the data directory.

    Raises:
        SetupError: the embedded store cannot be started.
        StoreUnavailable: it does not answer.
    """
    if settings.store.url is not None:
        async with opened(settings.store.url.reveal()) as store:
            yield store
        return
    embedded = EmbeddedStore(data_dir)
    embedded.acquire()
    try:
        async with opened(embedded.url) as store:
            yield store
    finally:
        embedded.release()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """The store at a URL, closed at the end.

    Raises:
        StoreUnavailable: it does not answer.
    """
    store = Store.at_url(url)
    try:
        await store.now_ms()
        yield store
    finally:
        await store.aclose()


def _found(config: Path | None, environ: Mapping[str, str]) -> Discovered:
    path = config
    if path is None and CONFIG_FILE.is_file():
        path = CONFIG_FILE
    if path is None:
        return discover(environ)
    checked = check_config(path, environ)
    settings = usable(checked)
    notes = (f"Configuration: {path}", *(str(problem) for problem in checked.warnings))
    return Discovered(settings, notes, offline=False)


def _classifier(directory: Path | None) -> Classifier:
    if directory is None:
        return default_classifier()
    try:
        return load_artifact(directory)
    except ArtifactError as error:
        raise SetupError(f"classifier: {error}") from error


def _catalog(settings: Settings, book: PriceBook, usual_threshold: float) -> Catalog:
    models = {name: _model(name, model, book) for name, model in settings.models.items()}
    routes = {name: _route(name, route, models, usual_threshold) for name, route in settings.routes.items()}
    return Catalog(models, routes)


def _model(name: str, settings: ModelSettings, book: PriceBook) -> Model:
    preset = PRESETS[settings.provider]
    upstream = settings.model or name
    facts = book.facts(preset.price_provider, upstream)
    stated = settings.stated_price()
    supports = settings.supports
    return Model(
        name=name,
        provider=settings.provider,
        endpoint=_endpoint(name, upstream, settings, preset),
        price=stated or book.price(preset.price_provider, upstream),
        limits=ModelLimits(
            context_tokens=settings.context_window or facts.context_window,
            tools=_first_known(supports.tools, facts.tools),
            vision=_first_known(supports.vision, facts.vision),
        ),
        max_output_tokens=settings.max_output_tokens or facts.max_output_tokens,
        price_from_book=stated is None,
    )


def _first_known(*answers: bool | None) -> bool:
    """Whether a model takes something; assumed to work where nobody says."""
    return next((answer for answer in answers if answer is not None), True)


def _endpoint(name: str, upstream: str, settings: ModelSettings, preset: Preset) -> Endpoint:
    waits = settings.timeouts
    return Endpoint(
        name=name,
        provider=settings.provider,
        lane=preset.lane,
        base_url=settings.base_url or preset.base_url,
        upstream_model=upstream,
        api_key=settings.api_key,
        extra_headers={header: secret.reveal() for header, secret in settings.headers.items()},
        quirks=preset.quirks,
        timeouts=Timeouts(waits.connect_s, waits.first_byte_s, waits.idle_s, waits.total_s),
        max_concurrency=settings.max_concurrency,
    )


def _route(name: str, settings: RouteSettings, models: Mapping[str, Model], usual_threshold: float) -> Route:
    caps = settings.caps
    first = usual_threshold if settings.quality_floor is None else 0.0
    small, large = models[settings.small], models[settings.large]
    held = Caps(
        max_input_tokens=caps.max_input_tokens,
        on_excess_input=caps.on_excess_input,
        max_output_tokens=caps.max_output_tokens,
        max_turns=caps.max_turns,
        max_cost_nano=None if caps.max_cost_usd is None else parse_usd(caps.max_cost_usd),
    )
    return Route(
        name=name,
        small=small,
        large=large,
        threshold=first if settings.threshold is None else settings.threshold,
        caps=held,
        fallbacks=tuple(models[model] for model in settings.fallbacks),
        attempts=settings.attempts,
        store_prompts=settings.store_prompts,
        quality_floor=settings.quality_floor,
        answer_nano=None if settings.value_usd is None else round_usd(settings.value_usd),
        usual_output_tokens=settings.usual_output_tokens,
        audit=None if settings.audit is None else _audit(settings.audit),
        answers=_answers(small, large, held),
        cache=None if settings.cache is None else _cache(settings.cache),
        require=settings.require,
        ladder=_ladder(settings),
    )


def _cache(settings: CacheSettings) -> CacheTerms:
    return CacheTerms(settings.ttl_s, settings.max_bytes, settings.shared)


def _ladder(settings: RouteSettings) -> Ladder:
    """The rungs it may use: of a route that keeps its quality floor, those that lower no answer's quality."""
    steps = tuple(
        Step(
            rung=step.rung,
            budget=step.budget,
            spike=step.spike,
            trouble=step.trouble,
            threshold=1.0 if step.threshold is None else step.threshold,
            tokens=step.tokens or 0,
        )
        for step in settings.ladder
    )
    keeps = settings.quality_floor is not None and settings.floor is None
    return Ladder(steps).for_floor() if keeps else Ladder(steps)


def _answers(small: Model, large: Model, caps: Caps) -> str:
    """See `Route.answers`.

    The servers that come with the service have no address yet: theirs is another one after each start.
    """
    turns = (
        [] if caps.max_turns is None else [caps.max_turns]
    )  # so that routes without it stay what they were
    said = {
        "small": _upstream(small),
        "large": _upstream(large),
        "caps": [caps.max_input_tokens, caps.on_excess_input, caps.max_output_tokens, *turns],
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:12]


def _upstream(model: Model) -> list[str | None]:
    return [model.provider, model.endpoint.base_url, model.endpoint.upstream_model]


def _audit(settings: AuditSettings) -> AuditTerms:
    money = settings.usd_per_month
    return AuditTerms(
        judge=_judge(settings.judge),
        share=settings.share,
        month_nano=None if money is None else round_usd(money),
        in_flight=settings.in_flight,
    )


def _judge(settings: str | JudgeSettings) -> JudgeTerms:
    if isinstance(settings, str):
        return JudgeTerms(JudgedBy(settings))
    if settings.answer_schema is not None:
        return JudgeTerms(JudgedBy.SCHEMA, schema=settings.answer_schema)
    if settings.regex is not None:
        return JudgeTerms(JudgedBy.REGEX, pattern=settings.regex)
    return JudgeTerms(
        JudgedBy.JUDGE,
        model=settings.model or "",
        criteria=settings.criteria or CRITERIA,
        output_tokens=settings.output_tokens,
    )
