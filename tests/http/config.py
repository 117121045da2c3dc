"""The configuration these tests run against, and what they ask."""

from typing import Any, Final

KEY: Final = "sk-test-secret"
EASY: Final = "What is the capital of France?"
HARD: Final = (
    "Prove that every finite group whose order is the product of two distinct primes p < q, where p does not "
    "divide q - 1, is cyclic, and explain step by step which of Sylow's theorems each step uses and why."
)

FAILING: Final = (
    "500",
    "502",
    "429",
    "429-long",
    "400",
    "401",
    "404",
    "garbage",
    "not-the-wire",
    "half",
    "half-a-body",
    "half-reset",
    "error-first",
    "error-midway",
    "reset",
    "redirect",
    "hang",
    "hang-midway",
)
"""Scripts with a model of their own (`does-500`): its circuit is nobody else's."""

ODD: Final = (
    "slow",
    "crlf",
    "gzip",
    "usage-missing",
    "usage-cached",
    "usage-zero",
    "length",
    "tier",
    "reasoning",
)

_MODEL: Final = (
    "  {name}: {{{{provider: openai-compatible, base_url: {{url}}, model: {model}, api_key: os.environ/TINY_KEY, "
    "price: {{{{input: {input}, output: {output}}}}}, timeouts: {{{{connect_s: 2, first_byte_s: 1, idle_s: 1, "
    "total_s: 20}}}}}}}}\n"
)
SPARES: Final = 11
"""Routes `spare-1` … with a pair of their own, for tests that let models fail several times."""

_ROUTE: Final = "  {name}: {{{{small: {small}, large: big, threshold: 0.12, attempts: 1}}}}\n"


def _small(name: str, model: str) -> str:
    return _MODEL.format(name=name, model=model, input="0.10", output="0.40")


def _large(name: str, model: str) -> str:
    return _MODEL.format(name=name, model=model, input="2.00", output="10.00")


CONFIG: Final = (
    """\
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}, context_window: 2000, supports: {{tools: false, vision: false}},
         timeouts: {{connect_s: 2, first_byte_s: 2, idle_s: 2, total_s: 20}}}}
  big:  {{provider: openai-compatible, base_url: "{url}", model: big-1, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, cached_input: 0.20, output: 10.00}}, context_window: 100000,
         timeouts: {{connect_s: 2, first_byte_s: 2, idle_s: 2, total_s: 20}}}}
  one-at-once: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}, max_concurrency: 1}}
  gone: {{provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", model: gone-1,
         price: {{input: 0.10, output: 0.40}}}}
"""
    + "".join(_small(f"does-{script}", f"tiny-1@{script}") for script in (*FAILING, *ODD))
    + _small("sick", "tiny-1@500")
    + _small("torn", "tiny-1")
    + "".join(_small(f"small-{at}", "tiny-1") + _large(f"large-{at}", "big-1") for at in range(SPARES))
    + """\
routes:
  default: {{small: tiny, large: big, threshold: 0.12}}
  once: {{small: tiny, large: big, threshold: 0.12, attempts: 1}}
  capped: {{small: tiny, large: big, threshold: 0.12, caps: {{max_input_tokens: 50, max_output_tokens: 20}}}}
  trimmed: {{small: tiny, large: big, threshold: 0.12, caps: {{max_input_tokens: 50, on_excess_input: trim}}}}
  narrow: {{small: one-at-once, large: big, threshold: 0.12}}
  kept: {{small: tiny, large: big, threshold: 0.12, store_prompts: true}}
  moved: {{small: tiny, large: big, threshold: 0.12}}
  patient: {{small: small-0, large: large-0, threshold: 0.12, fallbacks: [gone, does-slow], attempts: 6}}
  nowhere: {{small: gone, large: gone, threshold: 0.12, attempts: 2}}
  support/tier-1: {{small: tiny, large: big, threshold: 0.12}}
"""
    + "".join(_ROUTE.format(name=f"once-{script}", small=f"does-{script}") for script in FAILING)
    + _ROUTE.format(name="sick-small", small="sick")
    + _ROUTE.format(name="once-torn", small="torn")
    + "".join(
        f"  spare-{at}: {{{{small: small-{at}, large: large-{at}, threshold: 0.12}}}}\n"
        for at in range(SPARES)
    )
    + """\
server: {{max_body_bytes: 20971520, allowed_origins: ["https://app.example.com"]}}
"""
)


def ask(text: str = EASY, **more: Any) -> dict[str, Any]:
    """A body of `/complete`."""
    return {"query": text, **more}


def chat(text: str = EASY, model: str = "auto", **more: Any) -> dict[str, Any]:
    """A body of `/v1/chat/completions`."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
