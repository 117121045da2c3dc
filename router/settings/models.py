"""What `pennyroute.yaml` may say: frozen types, each field with its description, range and default.

`docs/configuration.md` and the JSON Schema for editors are made from this file.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from policies import ExcessInput
from router.pricing.errors import MoneyError
from router.pricing.money import parse_usd
from router.pricing.price import Price
from router.pricing.stated import price_from
from router.providers.presets import PRESETS
from router.settings.answers import CacheSettings, IdempotencySettings
from router.settings.audit import AuditSettings, JudgeSettings
from router.settings.fields import (
    Amount,
    HttpUrl,
    Key,
    Name,
    PositiveAmount,
    Seconds,
    SecretText,
    Share,
    StoreUrl,
    Tokens,
    UsdPerMillion,
    wrong,
)
from router.settings.ladder import PressureSettings, StepSettings
from router.settings.problems import did_you_mean, shown
from router.settings.section import FROZEN, Section

MIB: Final = 1024 * 1024
_DEAREST_ANSWER_USD: Final = 1_000_000


def _known_provider(name: str) -> str:
    if name not in PRESETS:
        raise wrong(f"provider {shown(name)} is not known", did_you_mean(name, PRESETS))
    return name


def _worth(dollars: Decimal) -> Decimal:
    if dollars > _DEAREST_ANSWER_USD:
        raise wrong(f"no answer is worth more than {_DEAREST_ANSWER_USD:,} US dollars here")
    return dollars


def _exact_dollars(dollars: Decimal) -> Decimal:
    """An amount that is a whole number of nano-dollars: a cap is never rounded."""
    try:
        parse_usd(dollars)
    except MoneyError as error:
        raise wrong(error.message) from error
    return dollars


class PriceSettings(Section):
    """What a model costs: per million tokens, or as a machine of your own.

    State `input` and `output` (US dollars a million tokens), or `tokens_per_second` with either
    `usd_per_hour` or both `watts` and `usd_per_kwh`. It comes before the price book's.
    """

    input: UsdPerMillion | None = Field(None, description="USD per million input tokens.")
    output: UsdPerMillion | None = Field(None, description="USD per million output tokens.")
    cached_input: UsdPerMillion | None = Field(
        None, description="USD per million input tokens read from the provider's cache. Unset: as `input`."
    )
    cache_write_5m: UsdPerMillion | None = Field(
        None, description="USD per million input tokens written to a 5-minute cache. Unset: as `input`."
    )
    cache_write_1h: UsdPerMillion | None = Field(
        None,
        description="USD per million input tokens written to a 1-hour cache. Unset: as the 5-minute one.",
    )
    reasoning: UsdPerMillion | None = Field(
        None, description="USD per million reasoning tokens. Unset: as `output`."
    )
    audio_input: UsdPerMillion | None = Field(
        None, description="USD per million audio input tokens. Unset: as `input`."
    )
    audio_output: UsdPerMillion | None = Field(
        None, description="USD per million audio output tokens. Unset: as `output`."
    )
    image_input: UsdPerMillion | None = Field(
        None, description="USD per million image input tokens. Unset: as `input`."
    )
    per_request_usd: Amount | None = Field(None, description="USD for each request, beside its tokens.")
    steps: tuple[Mapping[str, Any], ...] | None = Field(
        None,
        strict=False,
        description="Other rates for the whole request above a number of input tokens: "
        "`[{above_input_tokens: 200000, input: 2.5, output: 15}]`.",
    )
    tiers: Mapping[str, Any] | None = Field(
        None, description="Rates of the provider's service tiers: `{flex: {input: 1.25, output: 7.5}}`."
    )
    off_peak: Mapping[str, Any] | None = Field(
        None,
        description="Rates at certain hours: "
        '`{input: 1, output: 7, windows: [{weekdays: [1, 2], hours_utc: ["00:00-01:00"]}]}`.',
    )
    note: str | None = Field(None, max_length=500, description="Where the price comes from; shown with it.")
    usd_per_hour: PositiveAmount | None = Field(
        None, description="USD an hour for a machine of your own: rent or depreciation."
    )
    watts: PositiveAmount | None = Field(None, description="Power drawn by a machine of your own when busy.")
    usd_per_kwh: PositiveAmount | None = Field(None, description="USD a kilowatt-hour.")
    tokens_per_second: PositiveAmount | None = Field(
        None, description="Tokens a second the machine gets through when busy, all requests together."
    )
    input_tokens_per_second: PositiveAmount | None = Field(
        None, description="Its speed of reading prompts, where measured. Unset: as `tokens_per_second`."
    )
    utilisation: Share | None = Field(
        None, description="Share of the paid hours the machine is busy, above 0 and up to 1. Unset: 1."
    )

    def stated(self) -> dict[str, Any]:
        """The fields that were set, as `router.pricing.stated.price_from` reads them."""
        return {name: value for name in self.model_fields_set if (value := getattr(self, name)) is not None}


class SupportsSettings(Section):
    """What a model can take beside text. Unset: as the price book knows it, else assumed to work."""

    tools: bool | None = Field(None, description="Whether it takes tool definitions.")
    vision: bool | None = Field(None, description="Whether it takes images.")


class TimeoutSettings(Section):
    """How long to wait for a provider, in seconds."""

    connect_s: Seconds = Field(5.0, description="Seconds to open a connection.")
    first_byte_s: Seconds = Field(120.0, description="Seconds until the answer begins.")
    idle_s: Seconds = Field(60.0, description="Seconds between two pieces of a stream.")
    total_s: Seconds = Field(
        600.0,
        description="Seconds for the whole attempt; a caller who takes longer to read a stream is cut off.",
    )


class ModelSettings(Section):
    """A model that routes can name, and where it is called."""

    provider: Annotated[str, AfterValidator(_known_provider)] = Field(
        description="A preset: " + ", ".join(f"`{name}`" for name in PRESETS) + ".",
        json_schema_extra={"enum": list(PRESETS)},
    )
    model: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="The name the provider knows it by. Unset: the name it has here.",
    )
    base_url: HttpUrl | None = Field(
        None,
        description="Where it is called, such as `http://127.0.0.1:9001/v1`. Needed for `openai-compatible`; "
        "else it replaces the preset's.",
    )
    api_key: Key | None = Field(
        None,
        description="`os.environ/NAME` (or the key itself, which is warned about). "
        "Unset: the preset's usual variable.",
    )
    price: PriceSettings | None = Field(None, description="What it costs. Unset: as the price book says.")
    context_window: Tokens | None = Field(
        None, description="Tokens it takes, input and output together. Unset: as the price book knows it."
    )
    max_output_tokens: Tokens | None = Field(
        None, description="Tokens it can answer with. Unset: as the price book knows it."
    )
    supports: SupportsSettings = Field(
        default_factory=SupportsSettings, description="What it can take beside text."
    )
    timeouts: TimeoutSettings = Field(default_factory=TimeoutSettings, description="How long to wait for it.")
    max_concurrency: int = Field(
        256, ge=1, le=100_000, description="Requests in flight to it at once, for each worker."
    )
    headers: Annotated[Mapping[str, SecretText], *FROZEN] = Field(
        default_factory=dict,
        validate_default=True,
        description="Headers to send along, such as an organisation's id; `os.environ/NAME` works here too.",
    )

    def stated_price(self) -> Price | None:
        """The price the configuration states; `None` leaves it to the price book.

        Raises:
            PriceError: it does not hold together; a checked configuration never raises it.
        """
        if self.price is None:
            return None
        provider = PRESETS[self.provider].price_provider
        return price_from(provider, self.model or "", self.price.stated())


class Caps(Section):
    """What a query of a route may take at most."""

    max_input_tokens: Tokens | None = Field(None, description="Input tokens of one query. Unset: no cap.")
    on_excess_input: ExcessInput = Field(
        ExcessInput.REFUSE,
        strict=False,
        description="What happens above it, or above `max_turns`: `refuse` answers 413, `trim` leaves out "
        "the oldest turns.",
    )
    max_turns: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Messages of one query, the system prompt among them. Unset: no cap.",
    )
    max_output_tokens: Tokens | None = Field(
        None, description="Output tokens of one answer; a caller who asks for more gets this. Unset: no cap."
    )
    max_cost_usd: Annotated[PositiveAmount, AfterValidator(_exact_dollars)] | None = Field(
        None,
        description="US dollars that one query may cost at worst, all its attempts together: what could cost "
        "more is answered 413 before anybody is called. Unset: no cap.",
    )


class RouteSettings(Section):
    """A named entry: which two models, and where the line between them is."""

    small: str = Field(description="The model that answers what is easy.")
    large: str = Field(description="The model that answers what is hard.")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Difficulty, 0 to 1, at and above which the large model answers. A first value: "
        "`pennyroute threshold set` changes it while running. Unset: the classifier's own default.",
    )
    quality_floor: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Instead of a threshold: the share of always-large quality that must be kept, such as "
        "0.98. All goes to the large model until `pennyroute tune --apply` sets a threshold with a "
        "certificate of at least this.",
    )
    value_usd: Annotated[PositiveAmount, AfterValidator(_worth)] | None = Field(
        None,
        description="Instead of a threshold: what a good answer is worth, in US dollars. The large model "
        "answers where difficulty times this is at least what this query costs more there.",
    )
    usual_output_tokens: int = Field(
        500,
        ge=1,
        le=1_000_000,
        description="With `value_usd`: the output tokens an answer is expected to take, where the caller's "
        "cap is not lower.",
    )
    caps: Caps = Field(default_factory=Caps, description="What a query may take at most.")
    attempts: int = Field(
        3, ge=1, le=10, description="Calls one decision may make in all: first try, retries and fallbacks."
    )
    fallbacks: tuple[str, ...] = Field(
        (),
        strict=False,
        max_length=10,
        description="Models to try, in this order, when the chosen one fails.",
    )
    store_prompts: bool = Field(False, description="Whether the decision keeps the messages and the answer.")
    ladder: tuple[StepSettings, ...] = Field(
        (),
        strict=False,
        max_length=5,
        description="What the route gives up when a budget runs low, traffic rises or a provider fails, in "
        "this order. Unset: nothing, until a budget is empty.",
    )
    floor: Literal["best-effort"] | None = Field(
        None,
        description="With `quality_floor`: `best-effort` lets the ladder go below it; what is then decided "
        "is marked uncertified and counted.",
    )
    require: tuple[Literal["team", "feature", "user", "session", "experiment", "variant"], ...] = Field(
        (),
        strict=False,
        max_length=6,
        description="Labels that a call must have, its own or its key's, such as `[team]`: one without is "
        "answered 400, so that leaving a label out dodges no budget. So is one that names a model of the "
        "route in place of it.",
    )
    audit: AuditSettings | None = Field(
        None, description="A share of queries that both models answer, to measure what small loses."
    )
    cache: CacheSettings | None = Field(
        None, description="Gives the same call the same answer again. Unset: every call is made."
    )
    price: Literal["unknown-ok"] | None = Field(
        None, description="`unknown-ok`: use models without a price; their cost is then shown as unknown."
    )

    @property
    def models(self) -> tuple[str, ...]:
        """Every model it names, each once."""
        judge = self.audit.judge if self.audit else None
        judges = (judge.model,) if isinstance(judge, JudgeSettings) and judge.model else ()
        return tuple(dict.fromkeys((self.small, self.large, *self.fallbacks, *judges)))


class ServerSettings(Section):
    """Where the service listens and what it takes."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        max_length=253,
        description="Address to listen on. Any other than loopback needs an API key to exist.",
    )
    port: int = Field(8080, ge=0, le=65_535, description="TCP port; 0 takes a free one.")
    max_body_bytes: int = Field(
        10 * MIB, ge=1_024, le=1_024 * MIB, description="Largest request body, in bytes."
    )
    request_timeout_s: Seconds = Field(30.0, description="Seconds a request body may take to arrive.")
    allowed_hosts: tuple[str, ...] = Field(
        (),
        strict=False,
        max_length=100,
        description="Names the service may be called by (the Host header), beside loopback's and `host`.",
    )
    allowed_origins: tuple[str, ...] = Field(
        (),
        strict=False,
        max_length=100,
        description="Web origins that may call it from a browser, such as `https://app.example.com`.",
    )


class StoreSettings(Section):
    """Where decisions, money and thresholds are kept."""

    url: StoreUrl | None = Field(
        None,
        description="`redis://`, `rediss://` or `unix://` URL of a Redis or Valkey; `redis+cluster://` of a "
        "Cluster; `redis+sentinel://` of one that Sentinels watch ([deployment](deployment.md)). Unset: the "
        "variable `REDIS_URL`, else the embedded store.",
    )


class LedgerSettings(Section):
    """How holds and decisions age."""

    hold_expiry_s: int = Field(
        120, ge=10, le=86_400, description="Seconds after which a hold nobody extends is settled as assumed."
    )
    extend_every_s: int = Field(
        20, ge=1, le=3_600, description="Seconds between two extensions of a hold; at most half the expiry."
    )
    decision_retention_days: int = Field(
        30, ge=1, le=3_650, description="Days a decision can be looked up. Its cost stays in the ledger."
    )
    archive_dir: Path | None = Field(
        None,
        strict=False,
        description="Directory that `pennyroute ledger export` writes to and that reports read entries from "
        "which have left the store. Unset: named with --to, and remembered by the store.",
    )
    entry_retention_days: int | None = Field(
        None,
        ge=32,
        le=36_500,
        description="Days that entries stay in the store after `pennyroute ledger export --trim` has them in "
        "Parquet; whatever is not exported stays. Unset: 32.",
    )


class OutcomeSettings(Section):
    """How long the scores of answers are kept: what certificates are made and watched with."""

    retention_days: int = Field(
        90, ge=1, le=3_650, description="Days after the decision that its outcome is kept."
    )
    kept_a_route: int = Field(
        20_000,
        ge=100,
        le=1_000_000,
        description="Outcomes kept for each route and account: so many of the newest that were audited, and "
        "as many that were only scored. One takes about 1 kB, and what `store_prompts` adds.",
    )


class Settings(Section):
    """The whole configuration."""

    models: Annotated[Mapping[Name, ModelSettings], *FROZEN] = Field(
        min_length=1, max_length=1_000, description="The models, by the name routes give them."
    )
    routes: Annotated[Mapping[Name, RouteSettings], *FROZEN] = Field(
        min_length=1, max_length=1_000, description="The routes; one of them is `default`."
    )
    server: ServerSettings = Field(default_factory=ServerSettings, description="Where the service listens.")
    store: StoreSettings = Field(default_factory=StoreSettings, description="Where everything is kept.")
    pressure: PressureSettings = Field(
        default_factory=PressureSettings, description="How traffic spikes and provider trouble are measured."
    )
    ledger: LedgerSettings = Field(default_factory=LedgerSettings, description="How holds and decisions age.")
    outcomes: OutcomeSettings = Field(
        default_factory=OutcomeSettings, description="How long the scores of answers are kept."
    )
    idempotency: IdempotencySettings = Field(
        default_factory=IdempotencySettings,
        description="How first answers to an `Idempotency-Key` are kept.",
    )
    classifier: Path | None = Field(
        None,
        strict=False,
        description="Directory of a trained artifact, from the file's own directory. Unset: the shipped one.",
    )

    def stated_prices(self) -> dict[str, Price]:
        """Model name → the price the configuration states, to lay over the price book."""
        stated = {name: model.stated_price() for name, model in self.models.items()}
        return {name: price for name, price in stated.items() if price is not None}
