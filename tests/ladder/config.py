"""The configuration these tests run against, and what they ask."""

import base64
from typing import Any, Final

KEY: Final = "sk-test-secret"
ENVIRON: Final = {"TINY_KEY": KEY, "PENNYROUTE_ANSWERS_KEY": base64.b64encode(bytes(range(32))).decode()}
EASY: Final = "What is the capital of France?"
CHAT: Final = "/v1/chat/completions"

CONFIG: Final = """\
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}, timeouts: {{first_byte_s: 1, total_s: 20}}}}
  big:  {{provider: openai-compatible, base_url: "{url}", model: big-1, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}, timeouts: {{first_byte_s: 1, total_s: 20}}}}
  spare: {{provider: openai-compatible, base_url: "{url}", model: big-2, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}, timeouts: {{first_byte_s: 1, total_s: 20}}}}
  dearest: {{provider: openai-compatible, base_url: "{url}", model: big-3, api_key: os.environ/TINY_KEY,
         price: {{input: 20.00, output: 100.00}}}}
  ill-large: {{provider: openai-compatible, base_url: "{url}", model: "big-1@500", api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}}}
  ill-small: {{provider: openai-compatible, base_url: "{url}", model: "tiny-1@500", api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}}}
  iller-large: {{provider: openai-compatible, base_url: "{url}", model: "big-2@500", api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}}}
pressure: {{rate_s: 1, usual_rate_s: 20}}
routes:
  default: {{small: tiny, large: big, threshold: 0.12}}
  short: {{small: tiny, large: big, threshold: 0.12, caps: {{max_turns: 3}}}}
  shortened: {{small: tiny, large: big, threshold: 0.12, caps: {{max_turns: 3, on_excess_input: trim}}}}
  thrifty: {{small: tiny, large: big, threshold: 0.0, caps: {{max_cost_usd: 0.015}}, fallbacks: [spare]}}
  careless: {{small: tiny, large: big, threshold: 0.0, fallbacks: [spare]}}
  choosy: {{small: tiny, large: big, threshold: 0.0, caps: {{max_cost_usd: "0.015"}}, attempts: 2,
           fallbacks: [dearest, spare]}}
  frugal: {{small: tiny, large: big, threshold: 0.0, ladder: [{{rung: prefer_small, budget: 0.1}}]}}
  terse: {{small: tiny, large: big, threshold: 0.0,
          ladder: [{{rung: shorten_output, budget: 0.1, tokens: 7}}, {{rung: refuse, budget: 0.95}}]}}
  forgetful: {{small: tiny, large: big, threshold: 0.0,
              ladder: [{{rung: trim_context, budget: 0.1, tokens: 40}}]}}
  proven: {{small: tiny, large: big, quality_floor: 0.9, ladder: [{{rung: refuse, budget: 0.2}}]}}
  hopeful: {{small: tiny, large: big, quality_floor: 0.9, floor: best-effort,
            ladder: [{{rung: prefer_small, budget: 0.1}}, {{rung: shorten_output, budget: 0.1, tokens: 7}}]}}
  remembering: {{small: tiny, large: big, threshold: 0.0, cache: {{ttl_s: 600}},
                ladder: [{{rung: prefer_small, budget: 0.02}}, {{rung: cache_only, budget: 0.1}}]}}
  crowded: {{small: tiny, large: big, threshold: 1.0, ladder: [{{rung: refuse, spike: 1.5}}]}}
  limping: {{small: tiny, large: ill-large, threshold: 0.0, attempts: 1,
            ladder: [{{rung: prefer_small, trouble: 0.5}}]}}
  down: {{small: ill-small, large: iller-large, threshold: 1.0, attempts: 2,
         ladder: [{{rung: refuse, trouble: 0.5}}]}}
  billed: {{small: tiny, large: dearest, threshold: 0.12, require: [team, user]}}
"""


def ask(text: str = EASY, **more: Any) -> dict[str, Any]:
    """A body of `/complete`."""
    return {"query": text, **more}


def chat(text: str = EASY, model: str = "default", **more: Any) -> dict[str, Any]:
    """A body of `/v1/chat/completions`."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def turns(*texts: str, system: str | None = None) -> list[dict[str, str]]:
    """A conversation: the user first, then in turns, after a system prompt if there is one."""
    roles = ("user", "assistant")
    said = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return said if system is None else [{"role": "system", "content": system}, *said]
