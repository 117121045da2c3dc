"""The shapes of usage that providers send, and which models of which provider they are tried on.

Counts are scaled by a number of the fixture's own, so that no two have the same, unless the shape is `fixed`: one that
stands at an exact bound.
"""

from dataclasses import dataclass, field
from typing import Any

Usage = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """One way of stating a usage.

    Attributes:
        what: in words; the name of its fixtures.
        usage: the body's usage; or
        stream: the usages of a stream's events, in order.
        tier: the service tier, beside the usage on the OpenAI wire.
        fixed: counts are taken as they stand.
    """

    what: str
    usage: Any = None
    stream: list[Any] | None = None
    tier: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    fixed: bool = False
    missing: bool = False


def total(given: int, made: int, **more: Any) -> Usage:
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made} | more


def sent(**details: Any) -> Usage:
    return {"prompt_tokens_details": details}


def got(**details: Any) -> Usage:
    return {"completion_tokens_details": details}


_NO_SENT = sent(cached_tokens=0, audio_tokens=0)
_NO_GOT = got(reasoning_tokens=0, audio_tokens=0, accepted_prediction_tokens=0, rejected_prediction_tokens=0)


def with_tier(tier: str, shape: Shape) -> Shape:
    return Shape(f"{shape.what}, {tier}", shape.usage, shape.stream, tier, shape.headers, shape.fixed)


# --- the OpenAI wire ---

PLAIN = Shape("three counts", total(137, 59))
NO_TOTAL = Shape("no total", {"prompt_tokens": 41, "completion_tokens": 17})
NULL_DETAILS = Shape(
    "details are null", total(83, 29, prompt_tokens_details=None, completion_tokens_details=None)
)
FULL = Shape("every detail is zero", total(211, 97) | _NO_SENT | _NO_GOT)
CACHED = Shape("read from a cache", total(2048, 131) | sent(cached_tokens=1920))
ALL_CACHED = Shape("all of it read from a cache", total(1024, 1) | sent(cached_tokens=1024))
WRITTEN = Shape(
    "read from and written to a cache", total(4096, 77) | sent(cached_tokens=512, cache_write_tokens=3072)
)
REASONED = Shape("reasoned", total(251, 1187) | _NO_SENT | got(reasoning_tokens=1024, audio_tokens=0))
ALL_REASONED = Shape("nothing but reasoning", total(90, 640) | got(reasoning_tokens=640))
CACHED_REASONED = Shape(
    "cached and reasoned", total(3001, 703) | sent(cached_tokens=2816) | got(reasoning_tokens=512)
)
PREDICTED = Shape(
    "predicted output, accepted and rejected",
    total(310, 420) | got(reasoning_tokens=0, accepted_prediction_tokens=200, rejected_prediction_tokens=70),
)
HEARD = Shape("sound in", total(1210, 60) | sent(audio_tokens=1180, cached_tokens=0))
SPOKE = Shape("sound out", total(61, 402) | got(audio_tokens=350, reasoning_tokens=0))
TALKED = Shape(
    "sound both ways", total(1307, 811) | sent(audio_tokens=1000, text_tokens=307) | got(audio_tokens=700)
)
HEARD_CACHED = Shape(
    "sound, and more cached than was text", total(1000, 30) | sent(audio_tokens=600, cached_tokens=500)
)
SEEN = Shape("a picture in", total(905, 40) | sent(image_tokens=765, text_tokens=140))
SEEN_CACHED = Shape("a picture, cached", total(905, 40) | sent(image_tokens=765, cached_tokens=900))
ONLY_IN = Shape("nothing out", total(123, 0))
ONLY_OUT = Shape("nothing in", total(0, 45))
ONE = Shape("one token each way", total(1, 1), fixed=True)
STREAMED = Shape("streamed", stream=[total(119, 43)])
STREAMED_CACHED = Shape("streamed and cached", stream=[total(1519, 43) | sent(cached_tokens=1408)])
STREAMED_TWICE = Shape("streamed as running totals", stream=[total(119, 1), total(119, 23), total(119, 43)])
STREAMED_ZEROS = Shape("streamed, zeros after the true ones", stream=[total(119, 43), total(0, 0)])
STREAMED_NULL = Shape("streamed, null before the true ones", stream=[None, total(77, 21) | _NO_SENT])
ZERO = Shape("zeros", total(0, 0), fixed=True)
NULL = Shape("null", None)
MISSING = Shape("missing", missing=True)
NEGATIVE = Shape("a negative count", total(100, -5), fixed=True)
TEXTS = Shape("counts are texts", {"prompt_tokens": "12", "completion_tokens": "7"}, fixed=True)
HUGE = Shape("a count beyond belief", total(10**15, 7), fixed=True)
CONTRADICTED = Shape("more cached than sent", total(100, 20) | sent(cached_tokens=101), fixed=True)
GARBLED = Shape("details of another type", total(57, 20, prompt_tokens_details="many"))
LEFT_OUT = Shape(
    "reasoning beside the output",
    {"prompt_tokens": 64, "completion_tokens": 12, "total_tokens": 376} | got(reasoning_tokens=300),
)
NOT_STATED = (ZERO, NULL, MISSING, NEGATIVE, TEXTS, HUGE)

# --- dialects of it ---

DEEPSEEK = Shape(
    "cache hits and misses",
    total(1500, 80, prompt_cache_hit_tokens=1280, prompt_cache_miss_tokens=220) | sent(cached_tokens=1280),
)
DEEPSEEK_OLD = Shape(
    "cache hits without details", total(1500, 80, prompt_cache_hit_tokens=1280, prompt_cache_miss_tokens=220)
)
DEEPSEEK_MISSED = Shape(
    "nothing but misses",
    total(700, 80, prompt_cache_hit_tokens=0, prompt_cache_miss_tokens=700) | sent(cached_tokens=0),
)
DEEPSEEK_THOUGHT = Shape(
    "hits and reasoning",
    total(1500, 900, prompt_cache_hit_tokens=1024, prompt_cache_miss_tokens=476)
    | sent(cached_tokens=1024)
    | got(reasoning_tokens=801),
)
MISTRAL_CACHED = Shape(
    "num_cached_tokens", total(1700, 60, num_cached_tokens=1664, prompt_audio_seconds=None)
)
MISTRAL_BOTH = Shape(
    "num_cached_tokens beside details", total(1700, 60, num_cached_tokens=1664) | sent(cached_tokens=1664)
)
MISTRAL_AUDIO = Shape("seconds of sound", total(1312, 60, prompt_audio_seconds=41))
QWEN_EXPLICIT = Shape(
    "an explicit cache is written",
    total(3019, 104)
    | sent(
        cached_tokens=0,
        cache_creation_input_tokens=2048,
        cache_creation={"ephemeral_5m_input_tokens": 2048},
        cache_type="ephemeral",
    ),
)
QWEN_EXPLICIT_READ = Shape(
    "an explicit cache is read and written",
    total(3019, 104)
    | sent(
        cached_tokens=1024,
        cache_creation_input_tokens=512,
        cache_creation={"ephemeral_5m_input_tokens": 512},
        cache_type="ephemeral",
    ),
)
QWEN_MODAL = Shape(
    "text and pictures apart",
    total(1280, 55) | sent(text_tokens=24, image_tokens=1256) | got(text_tokens=55),
)
QWEN_THOUGHT = Shape("thinking", total(230, 1900) | got(reasoning_tokens=1700, text_tokens=200))
ARK_SCALE = Shape(
    "Ark's details",
    total(620, 310)
    | sent(cached_tokens=256, provisioned_tokens=0)
    | got(reasoning_tokens=128, provisioned_tokens=0),
)
QIANFAN_SEARCH = Shape("search tokens", total(980, 120) | sent(search_tokens=400, cached_tokens=128))
MOONSHOT = Shape("cached_tokens at the top", total(1600, 70, cached_tokens=1536))
GROQ = Shape(
    "times beside counts",
    total(312, 88, queue_time=0.018, prompt_time=0.012, completion_time=0.31, total_time=0.322),
)
LLAMA_CPP = Shape("llama.cpp's cache", total(800, 64) | sent(cached_tokens=736))
ROUTER_COST = Shape(
    "dollars stated",
    total(412, 96, cost=0.00043725, is_byok=False)
    | sent(cached_tokens=0, cache_write_tokens=0, audio_tokens=0, video_tokens=0)
    | {"cost_details": {"upstream_inference_cost": None}}
    | got(reasoning_tokens=0, image_tokens=0),
)
ROUTER_CHEAP = Shape("dollars to the last digit", total(3, 2, cost=0.0000004999), fixed=True)
ROUTER_HALF = Shape("half a nano-dollar", total(3, 2, cost=5e-10), fixed=True)
ROUTER_FREE = Shape("zero dollars stated", total(88, 40, cost=0), fixed=True)
ROUTER_BYOK = Shape(
    "a key of the user's own",
    total(500, 200, cost=0.00002, is_byok=True, cost_details={"upstream_inference_cost": 0.0004}),
    fixed=True,
)
ROUTER_STREAMED = Shape("streamed with dollars", stream=[total(222, 111, cost=0.00123456789)], fixed=True)
ROUTER_NO_COST = Shape(
    "no dollars stated", total(1412, 96) | sent(cached_tokens=1024, cache_write_tokens=200)
)

# --- Anthropic ---


def claude(given: int, made: int, **more: Any) -> Usage:
    return {"input_tokens": given, "output_tokens": made} | more


def caching(read: int, short: int, hour: int) -> Usage:
    return {
        "cache_creation_input_tokens": short + hour,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": hour},
    }


STANDARD = {"service_tier": "standard"}
CLAUDE = (
    Shape("two counts", claude(132, 61)),
    Shape("no cache used", claude(132, 61) | caching(0, 0, 0) | STANDARD),
    Shape(
        "cache counts are null",
        claude(90, 31, cache_creation_input_tokens=None, cache_read_input_tokens=None),
    ),
    Shape("written for five minutes", claude(21, 61) | caching(0, 1800, 0) | STANDARD),
    Shape("written for an hour", claude(21, 61) | caching(0, 0, 1800) | STANDARD),
    Shape("written for both", claude(21, 61) | caching(0, 1100, 700) | STANDARD),
    Shape("read from the cache", claude(4, 61) | caching(1800, 0, 0) | STANDARD),
    Shape("read and written", claude(9, 61) | caching(1500, 310, 0) | STANDARD),
    Shape("read and written for both", claude(9, 61) | caching(1500, 310, 170) | STANDARD),
    Shape(
        "written, lifetime not said",
        claude(12, 8, cache_creation_input_tokens=900, cache_read_input_tokens=0),
    ),
    Shape("all but nothing fresh", claude(0, 5) | caching(2000, 0, 0) | STANDARD),
    Shape("batch", claude(300, 200, service_tier="batch")),
    Shape("batch with a cache", claude(30, 200) | caching(900, 410, 0) | {"service_tier": "batch"}),
    Shape("batch written for an hour", claude(30, 200) | caching(0, 0, 640) | {"service_tier": "batch"}),
    Shape("priority", claude(300, 200, service_tier="priority")),
    Shape("tools of the provider's", claude(410, 90, server_tool_use={"web_search_requests": 0}) | STANDARD),
    Shape("where it ran", claude(77, 30, inference_geo="global") | caching(0, 0, 0) | STANDARD),
    Shape("zeros", claude(0, 0) | caching(0, 0, 0), fixed=True),
    Shape("streamed", stream=[claude(140, 1) | STANDARD, {"output_tokens": 88}]),
    Shape(
        "streamed with a cache",
        stream=[claude(14, 1) | caching(700, 210, 0) | STANDARD, {"output_tokens": 88}],
    ),
    Shape(
        "streamed with an hour's cache",
        stream=[claude(14, 2) | caching(0, 0, 930) | STANDARD, {"output_tokens": 70}],
    ),
    Shape(
        "streamed, all said again at the end",
        stream=[
            claude(14, 1) | caching(700, 210, 0) | STANDARD,
            claude(14, 64, cache_creation_input_tokens=210, cache_read_input_tokens=700),
        ],
    ),
    Shape("streamed in batch", stream=[claude(50, 1, service_tier="batch"), {"output_tokens": 40}]),
)
CLAUDE_FAST = (
    Shape("fast", claude(132, 61, speed="fast") | STANDARD),
    Shape("fast with a cache", claude(12, 61, speed="fast") | caching(800, 300, 100) | STANDARD),
    Shape("fast was not to be had", claude(132, 61, speed="standard") | STANDARD),
    Shape("streamed fast", stream=[claude(140, 1, speed="fast") | STANDARD, {"output_tokens": 88}]),
)
CLAUDE_LONG = (
    Shape("at the long-context step", claude(100_000, 10) | STANDARD, fixed=True),
    Shape("one above the long-context step", claude(100_001, 10) | STANDARD, fixed=True),
    Shape("above it by what was cached", claude(1, 10) | caching(99_000, 1_000, 0) | STANDARD, fixed=True),
    Shape("above it, written for an hour", claude(50, 10) | caching(99_000, 0, 5_000) | STANDARD, fixed=True),
    Shape("above it in batch", claude(150_000, 10, service_tier="batch"), fixed=True),
)

# --- Gemini ---


def argon(given: int, made: int | None, **more: Any) -> Usage:
    stated = {"promptTokenCount": given} | ({} if made is None else {"candidatesTokenCount": made})
    return stated | {"totalTokenCount": given + (made or 0)} | more


def modes(**counts: int) -> list[Usage]:
    return [{"modality": mode, "tokenCount": count} for mode, count in counts.items()]


def thought(given: int, made: int, thoughts: int, **more: Any) -> Usage:
    return (
        argon(given, made, thoughtsTokenCount=thoughts) | {"totalTokenCount": given + made + thoughts} | more
    )


GEMINI = (
    Shape("three counts", argon(133, 58)),
    Shape("text and nothing else", argon(133, 58, promptTokensDetails=modes(TEXT=133))),
    Shape("thoughts", thought(133, 58, 720)),
    Shape("nothing but thoughts", argon(70, None, thoughtsTokenCount=333) | {"totalTokenCount": 403}),
    Shape("thoughts and modalities", thought(133, 58, 720, promptTokensDetails=modes(TEXT=133))),
    Shape("read from a cache", argon(2100, 58, cachedContentTokenCount=1800)),
    Shape(
        "read from a cache, by modality",
        argon(
            2100,
            58,
            cachedContentTokenCount=1800,
            promptTokensDetails=modes(TEXT=2100),
            cacheTokensDetails=modes(TEXT=1800),
        ),
    ),
    Shape("a picture", argon(1300, 40, promptTokensDetails=modes(TEXT=10, IMAGE=1290))),
    Shape("a document", argon(560, 40, promptTokensDetails=modes(DOCUMENT=516, TEXT=44))),
    Shape("tools were given", argon(120, 50, toolUsePromptTokenCount=340) | {"totalTokenCount": 510}),
    Shape(
        "tools were given to who thinks",
        thought(120, 50, 60, toolUsePromptTokenCount=340) | {"totalTokenCount": 570},
    ),
    Shape("what went out is text", argon(44, 71, candidatesTokensDetails=modes(TEXT=71))),
    Shape("on demand", argon(44, 71, trafficType="ON_DEMAND")),
    Shape("streamed", stream=[argon(133, 9), argon(133, 30), argon(133, 58)]),
    Shape("streamed thoughts", stream=[argon(133, None, thoughtsTokenCount=90), thought(133, 41, 180)]),
    Shape("streamed from a cache", stream=[argon(2100, 61, cachedContentTokenCount=1800)]),
)
_FLEX, _PRIORITY, _BATCH = ({"x-gemini-service-tier": name} for name in ("flex", "priority", "batch"))
GEMINI_TIERS = (
    Shape("flex", argon(133, 58), headers=_FLEX),
    Shape("flex from a cache", argon(2100, 58, cachedContentTokenCount=1800), headers=_FLEX),
    Shape("priority", thought(133, 58, 720), headers=_PRIORITY),
    Shape("standard, and said to be", argon(133, 58), headers={"x-gemini-service-tier": "standard"}),
    Shape("streamed flex", stream=[argon(133, 9), argon(133, 58)], headers=_FLEX),
    Shape("batch", argon(133, 58), headers=_BATCH),
)
GEMINI_HEARD = (
    Shape("sound", argon(1600, 40, promptTokensDetails=modes(TEXT=30, AUDIO=1570))),
    Shape(
        "sound from a cache",
        argon(
            1600,
            40,
            cachedContentTokenCount=1000,
            promptTokensDetails=modes(TEXT=30, AUDIO=1570),
            cacheTokensDetails=modes(AUDIO=1000),
        ),
    ),
    Shape(
        "sound, priority", argon(1600, 40, promptTokensDetails=modes(TEXT=30, AUDIO=1570)), headers=_PRIORITY
    ),
    Shape("sound and a picture", argon(2900, 40, promptTokensDetails=modes(TEXT=40, AUDIO=1570, IMAGE=1290))),
)
GEMINI_LONG = (
    Shape("at the long-context step", argon(200_000, 11), fixed=True),
    Shape("one above the long-context step", argon(200_001, 11), fixed=True),
    Shape("above it from a cache", argon(300_000, 11, cachedContentTokenCount=250_000), fixed=True),
    Shape("above it, priority", argon(200_001, 11), headers=_PRIORITY, fixed=True),
)


def at_step(bound: int) -> tuple[Shape, ...]:
    """Around a long-context step of the OpenAI wire."""
    return (
        Shape(f"at {bound:,} input tokens", total(bound, 13), fixed=True),
        Shape(f"one above {bound:,}", total(bound + 1, 13), fixed=True),
        Shape(
            f"above {bound:,} by what was cached",
            total(bound + 1000, 13) | sent(cached_tokens=bound),
            fixed=True,
        ),
    )


COMMON = (
    PLAIN,
    NO_TOTAL,
    NULL_DETAILS,
    CACHED,
    REASONED,
    ONLY_IN,
    STREAMED,
    STREAMED_TWICE,
    STREAMED_ZEROS,
    CONTRADICTED,
    GARBLED,
    MISSING,
)
"""Of every provider that speaks the OpenAI wire."""
