"""What a route's caps and ladder leave of a query: how long it is, and which of its oldest turns go."""

import dataclasses

import msgspec
from msgspec.structs import replace

from policies import CapOutcome, apply_caps, fewest_turns, turns_to_keep
from policies.ladder import Rung, Stance
from router.catalog import Route
from router.errors import ContextTooLong
from router.pricing.tokens import bound_tokens, count_tokens
from router.query import Query

_TOKENS_A_MESSAGE = 4
_TOKENS_AN_IMAGE = 765


class Fitted(msgspec.Struct, frozen=True):
    """A query as a route's caps leave it, and its ladder.

    Attributes:
        query: perhaps without its oldest turns.
        caps: what the caps make of it.
        input_tokens: estimate of what is left.
        trimmed: how many turns were left out.
        degraded: the rungs of the ladder that took something from it.
    """

    query: Query
    caps: CapOutcome
    input_tokens: int
    trimmed: int
    degraded: tuple[Rung, ...] = ()


def fitted(query: Query, route: Route, stance: Stance) -> Fitted:
    """The query as the route's caps leave it, and then its ladder.

    Raises:
        ContextTooLong: over the route's cap on input or turns, and it refuses or trimming cannot help.
    """
    return _trimmed(_shortened(_capped(query, route), stance), stance)


def _shortened(whole: Fitted, stance: Stance) -> Fitted:
    most, cap = stance.output_tokens, whole.caps.output_tokens
    if most is None or (cap is not None and cap <= most):
        return whole
    clamped = whole.query.output_asked is not None
    caps = dataclasses.replace(whole.caps, output_tokens=most, output_clamped=clamped)
    return replace(whole, caps=caps, degraded=(*whole.degraded, Rung.SHORTEN_OUTPUT))


def _trimmed(whole: Fitted, stance: Stance) -> Fitted:
    """Without its oldest turns, as many as it takes or may be left out."""
    query, limit = whole.query, stance.input_tokens
    if limit is None or whole.input_tokens <= limit:
        return whole
    sizes = _sizes(query)
    kept = turns_to_keep(sizes, limit - _tools_estimate(query)) or fewest_turns(sizes)
    left_out = len(query.turns) - len(kept)
    if not left_out:
        return whole
    shorter = _with_turns(query, kept)
    return replace(
        whole,
        query=shorter,
        input_tokens=input_estimate(shorter),
        trimmed=whole.trimmed + left_out,
        degraded=(*whole.degraded, Rung.TRIM_CONTEXT),
    )


def _capped(query: Query, route: Route) -> Fitted:
    """The query as the route's caps leave it.

    Raises:
        ContextTooLong: over the route's cap on input or turns, and it refuses or trimming cannot help.
    """
    tokens, turns = input_estimate(query), len(query.turns)
    caps = apply_caps(route.caps, input_tokens=tokens, output_asked=query.output_asked, turns=turns)
    limit, most = route.caps.max_input_tokens, route.caps.max_turns
    if caps.refused and most is not None and turns > most:
        raise ContextTooLong(
            f"the query has {turns} messages; route {route.name!r} takes at most {most} (caps.max_turns)",
            param="messages",
        )
    if caps.refused:
        raise ContextTooLong(
            f"the query has about {tokens} input tokens; route {route.name!r} takes at most {limit} "
            "(caps.max_input_tokens)",
            param="messages",
        )
    if not caps.trim:
        return Fitted(query, caps, tokens, 0)
    kept = turns_to_keep(_sizes(query), None if limit is None else limit - _tools_estimate(query), most)
    if kept is None:
        allowed = " and ".join(
            f"{cap} {unit}" for cap, unit in ((limit, "input tokens"), (most, "messages")) if cap is not None
        )
        raise ContextTooLong(
            f"the system prompt and the last turn alone are over what route {route.name!r} takes, {allowed} "
            "(caps); leaving out older turns cannot help",
            param="messages",
        )
    shorter = _with_turns(query, kept)
    return Fitted(shorter, caps, input_estimate(shorter), len(query.turns) - len(kept))


def input_estimate(query: Query) -> int:
    """Estimated input tokens of a query, for fitting and capping.

    For money only as what is `counted`, where a provider states no usage; the worst case has `input_bound`.
    """
    text = sum(count_tokens(turn.text) + _TOKENS_A_MESSAGE for turn in query.turns)
    return text + query.images * _TOKENS_AN_IMAGE + _tools_estimate(query)


def input_bound(query: Query) -> int:
    """Tokens the input cannot exceed, for the worst case."""
    return bound_tokens(query.input_bytes, len(query.turns), query.images)


def _sizes(query: Query) -> list[tuple[str, int]]:
    return [
        (turn.role, count_tokens(turn.text) + _TOKENS_A_MESSAGE + turn.images * _TOKENS_AN_IMAGE)
        for turn in query.turns
    ]


def _with_turns(query: Query, kept: list[int]) -> Query:
    """The query with only these turns, each byte for byte as it came."""
    raws = msgspec.json.decode(query.body["messages"], type=list[msgspec.Raw])
    left_out = sum(len(bytes(raw)) for at, raw in enumerate(raws) if at not in kept)
    messages = msgspec.Raw(b"[" + b",".join(bytes(raws[at]) for at in kept) + b"]")
    return replace(
        query,
        turns=tuple(query.turns[at] for at in kept),
        body={**query.body, "messages": messages},
        input_bytes=query.input_bytes - left_out,
    )


def _tools_estimate(query: Query) -> int:
    return sum(len(bytes(query.body[name])) for name in ("tools", "functions") if name in query.body) // 4
