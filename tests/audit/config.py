"""The configuration these tests run against: every query of its routes is audited."""

from typing import Any, Final

KEY: Final = "sk-test-secret"
PROMPT: Final = "What is the capital of France, and which river flows through it?"

_MODEL: Final = (
    "  {name}: {{{{provider: openai-compatible, base_url: {{url}}, model: {model}, api_key: os.environ/TINY_KEY, "
    "price: {{{{input: {input}, output: {output}}}}}{more}}}}}\n"
)
_ROUTE: Final = (
    "  {name}: {{{{small: {small}, large: {large}, threshold: 0, attempts: 1, "
    "audit: {{{{share: 1.0, judge: {judge}}}}}{more}}}}}\n"
)


def _model(name: str, model: str, price: tuple[str, str], more: str = "") -> str:
    return _MODEL.format(name=name, model=model, input=price[0], output=price[1], more=more)


def _route(
    name: str, judge: str = "agreement", more: str = "", small: str = "tiny", large: str = "big"
) -> str:
    return _ROUTE.format(name=name, judge=judge, more=more, small=small, large=large)


_EXPRESSION: Final = (  # two references to itself: an answer nested n deep asks 2^n questions
    '{{schema: {{$ref: "#/$defs/e", $defs: {{e: {{anyOf: ['
    '{{type: object, properties: {{op: {{const: and}}, arg: {{$ref: "#/$defs/e"}}}}}}, '
    '{{type: object, properties: {{op: {{const: or}}, arg: {{$ref: "#/$defs/e"}}}}}}, '
    "{{type: boolean}}]}}}}}}}}"
)
CONFIG: Final = (
    "models:\n"
    + _model("tiny", "tiny-1", ("0.10", "0.40"), ", context_window: 5000, supports: {{tools: false}}")
    + _model("big", "big-1", ("2.00", "10.00"))
    + _model("judge", "judge-1", ("1.00", "4.00"))
    + _model("sick", "tiny-1@500", ("0.10", "0.40"))
    + _model("torn", "big-1@half", ("2.00", "10.00"))
    + _model("waiting", "waiting-1", ("0.10", "0.40"))
    + "routes:\n"
    + _route("default")
    + _route("schema", "{{schema: {{type: object, required: [city]}}}}")
    + _route("regex", '{{regex: "^Paris"}}')
    + _route("slow-regex", '{{regex: "^(\\\\w+\\\\s?)*$"}}')
    + _route("expression", _EXPRESSION)
    + _route("judged", "{{model: judge, criteria: Brevity counts most.}}")
    + _route("later", "import", ", store_prompts: true")
    + _route("unkept", "feedback")
    + _route("sick-small", small="sick")
    + _route("sick-large", large="sick", more=", fallbacks: [judge]").replace("attempts: 1", "attempts: 2")
    + _route("failing", large="sick")
    + _route("breaking", large="torn")
    + _route("narrow", small="waiting").replace("judge: agreement", "judge: agreement, in_flight: 1")
    + _route("easy").replace("threshold: 0,", "threshold: 1,")
    + "  plain: {{small: tiny, large: big, threshold: 0}}\n"
)


def chat(model: str = "auto", text: str = PROMPT, **more: Any) -> dict[str, Any]:
    """A body of `/v1/chat/completions`."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}
