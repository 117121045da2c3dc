"""One ledger entry: an attempt, what it used and what it cost. Entries are appended, never edited."""

from enum import StrEnum

import msgspec

from policies import Reason
from policies.ladder import Rung
from router.budgets.budget import Unit
from router.budgets.held import Held
from router.ledger.histogram import bucket
from router.moments import HOUR_MS
from router.pricing.usage import Usage, UsageSource

GROUP_SEPARATOR = "\x1f"
OTHER = "(other)"
GROUP_NAMES = ("route", "tier", "model", "team", "feature", "provider")


def attempt_id(decision_id: str, number: int) -> str:
    """The id of a decision's attempt; 1 is its first."""
    return f"{decision_id}-{number}"


class Kind(StrEnum):
    """What an entry says about its attempt."""

    SETTLE = "settle"  # it was answered, or used something that is charged
    VOID = "void"  # the provider charged nothing: never sent, or refused
    ASSUME = "assume"  # its worker died; the worst case, until the truth is known
    ADJUST = "adjust"  # the truth about an assumed one, or a charged one at other prices


class Tokens(msgspec.Struct, frozen=True, array_like=True):
    """Inclusive buckets: input counts cached, written, audio and image tokens; output counts reasoning."""

    input: int
    output: int
    cached_input: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0

    @classmethod
    def of(cls, usage: Usage) -> "Tokens":
        """A usage as an entry keeps it."""
        return cls(
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_input_tokens,
            usage.cache_write_5m_tokens,
            usage.cache_write_1h_tokens,
            usage.reasoning_tokens,
            usage.audio_input_tokens,
            usage.audio_output_tokens,
            usage.image_input_tokens,
        )

    @property
    def usage(self) -> Usage:
        """The inverse of `of`: to be priced."""
        return Usage(
            input_tokens=self.input,
            output_tokens=self.output,
            cached_input_tokens=self.cached_input,
            cache_write_5m_tokens=self.cache_write_5m,
            cache_write_1h_tokens=self.cache_write_1h,
            reasoning_tokens=self.reasoning,
            audio_input_tokens=self.audio_input,
            audio_output_tokens=self.audio_output,
            image_input_tokens=self.image_input,
        )


class Labels(msgspec.Struct, frozen=True, array_like=True):
    """Who asked and what for, as the caller says; `extra` is free-form."""

    team: str = ""
    feature: str = ""
    user: str = ""
    session: str = ""
    experiment: str = ""
    variant: str = ""
    extra: dict[str, str] = {}


class Entry(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What is appended to the stream for one attempt. New fields go at the end, with a default.

    Attributes:
        at_ms: when its hold was made, Unix milliseconds of the store's time; decides the hour it counts in.
        number: 1 for a decision's first attempt.
        final: whether the decision ended with it; only that one counts as a request, and only where it was
            to answer a caller.
        outcome: `ok`, or why it failed.
        tokens: `None` when nothing is known of what was used; of an assumed usage the bound that was held,
            which is charged and never counted as used.
        cost_nano: nano-dollars; `None` when the model's price is unknown.
        baseline_nano: the same tokens at the route's large model; 0 on attempts that answered nobody,
            `None` when unknown.
        usage_source: `provider_cost`, `provider`, `counted`, `assumed`, or '' where nothing was used.
        price_basis: `served` or `requested`: whose price it was.
        held_nano: the worst case that was held.
        latency_ms: from sending the attempt to its end.
        decision_ms: on a final attempt, from the request's arrival to its end.
        replaces: on an adjustment, the entry it corrects: an assumed one, or one at other prices.
        certificate: id of the certificate in force when it was decided; '' without one.
        purpose: '' where it is to answer a caller; `audit` where it is to see what another model would have
            answered, or to judge answers.
        budgets: what was held for it in the windows of budgets; what is charged there in its place, `charged`
            says.
        revision: how often it was priced again; 0 for what was charged first, or adjusted from assumed.
        cache_saved_nano: of an answer from the cache, what its model would have charged; `None` when unknown.
        degraded: the rungs of the route's ladder that took something from the answer.
        uncertified: they may have taken it below the route's quality floor.
    """

    version: int = 1
    kind: Kind
    attempt_id: str
    decision_id: str
    at_ms: int
    number: int
    final: bool
    outcome: str
    route: str
    tier: str
    model: str
    provider: str
    served_model: str | None
    service_tier: str | None
    key_id: str
    labels: Labels
    reason: str
    difficulty: float | None
    threshold: float | None
    threshold_version: int | None
    classifier: str
    tokens: Tokens | None
    cost_nano: int | None
    baseline_nano: int | None
    usage_source: str
    price_book: str
    price_basis: str
    held_nano: int
    latency_ms: int | None
    first_byte_ms: int | None
    decision_ms: int | None
    replaces: "Entry | None" = None
    certificate: str = ""
    purpose: str = ""
    budgets: tuple[Held, ...] = ()
    revision: int = 0
    cache_saved_nano: int | None = None
    degraded: tuple[Rung, ...] = ()
    uncertified: bool = False

    @property
    def hour(self) -> int:
        """The Unix hour it counts in."""
        return self.at_ms // HOUR_MS

    @property
    def overrun(self) -> bool:
        """Whether the truth came out above what was held."""
        if self.cost_nano is not None and self.cost_nano > self.held_nano:
            return True
        return any(self.charged(held) > held.amount for held in self.budgets)

    def charged(self, held: Held) -> int:
        """What it takes of a budget in place of what was held; all that was held where it is not known."""
        if not self.usage_source:
            return 0
        if held.unit is Unit.USD:
            return held.amount if self.cost_nano is None else self.cost_nano
        return held.amount if self.tokens is None else self.tokens.input + self.tokens.output

    @property
    def group(self) -> str:
        """What its counters are kept under: the six names a report can group by."""
        return self._group(self.labels.team, self.labels.feature)

    @property
    def group_of_others(self) -> str:
        """What it is counted under where callers gave more labels in an hour than are counted apart."""
        return self._group(OTHER if self.labels.team else "", OTHER if self.labels.feature else "")

    def _group(self, team: str, feature: str) -> str:
        names = (self.route, self.tier, self.model, team, feature, self.provider)
        return GROUP_SEPARATOR.join(name.replace(GROUP_SEPARATOR, " ") for name in names)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The entry as it stands in the stream: a JSON array."""
    return _encoder.encode(entry)


def decode(raw: bytes) -> Entry:
    """The inverse of `encode`.

    Raises:
        msgspec.ValidationError: not an entry.
    """
    return _decoder.decode(raw)


def increments(entry: Entry) -> dict[str, int]:
    """What the entry adds to the counters of its group and hour; zeros are left out.

    An adjustment adds its own amounts less those of the entry it replaces, so that the sum over all
    entries is always what the counters must show.
    """
    amounts = _amounts(entry)
    if entry.replaces is not None:
        for metric, amount in _amounts(entry.replaces).items():
            amounts[metric] = amounts.get(metric, 0) - amount
    return {metric: amount for metric, amount in amounts.items() if amount}


def _amounts(entry: Entry) -> dict[str, int]:
    amounts = {"attempts": 1}
    if entry.final and not entry.purpose:
        amounts["requests"] = 1
        amounts["errors"] = int(entry.outcome != "ok")
        amounts["certified"] = int(bool(entry.certificate))
        amounts["suspended"] = int(entry.reason == Reason.CERTIFICATE_SUSPENDED)
        if entry.reason == Reason.CACHED:
            amounts["cache_hits"] = 1
            amounts["cache_saved_nano"] = entry.cache_saved_nano or 0
        amounts["degraded"] = int(bool(entry.degraded))
        amounts["uncertified"] = int(entry.uncertified)
        if entry.decision_ms is not None:
            amounts[f"latency.{bucket(entry.decision_ms)}"] = 1
    tokens = entry.tokens
    if (
        tokens is not None and entry.usage_source != UsageSource.ASSUMED
    ):  # a bound is no number of what was used
        amounts["input_tokens"] = tokens.input
        amounts["output_tokens"] = tokens.output
        amounts["cached_input_tokens"] = tokens.cached_input
        amounts["reasoning_tokens"] = tokens.reasoning
        if entry.final and not entry.purpose:
            amounts[f"input.{bucket(tokens.input)}"] = 1
            amounts[f"output.{bucket(tokens.output)}"] = 1
            amounts[f"cached.{bucket(tokens.cached_input)}"] = 1
    _add_money(amounts, entry)
    return amounts


def _add_money(amounts: dict[str, int], entry: Entry) -> None:
    cost, baseline = entry.cost_nano, entry.baseline_nano
    if cost is None:
        amounts["unknown_cost"] = 1
    else:
        amounts["cost_nano"] = cost
        amounts["overruns"] = int(entry.overrun)
        if entry.purpose:
            amounts[f"{entry.purpose}_nano"] = cost
        if entry.usage_source:
            amounts[f"cost_nano.{entry.usage_source}"] = cost
    if baseline is None:
        amounts["unknown_baseline"] = 1
    else:
        amounts["baseline_nano"] = baseline
    if cost is not None and baseline is not None:
        amounts["savings_nano"] = baseline - cost
