"""What a route's caps leave of a query: how long it is, and which of its oldest turns are left out."""

import msgspec
from msgspec.structs import replace

from policies import CapOutcome, apply_caps, turns_to_keep
from router.catalog import Route
from router.errors import ContextTooLong
from router.pricing.tokens import bound_tokens, count_tokens
from router.query import Query

_TOKENS_A_MESSAGE = 4
_TOKENS_AN_IMAGE = 765


def capped(query: Query, route: Route) -> tuple[Query, CapOutcome, int, int]:
    """The query as the route's caps leave it.

    Returns:
        it, perhaps without its oldest turns; what the caps make of it; its estimated input tokens; how many
        turns were left out.

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
        return query, caps, tokens, 0
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
    return shorter, caps, input_estimate(shorter), len(query.turns) - len(kept)


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
