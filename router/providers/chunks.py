"""What the OpenAI wire says in a whole answer or in one chunk of a stream: typed, and read leniently.

Typed decoding skips what we do not read. Where a provider puts another type than the wire has, the JSON is
read again without types, and what can be understood of it is.
"""

import json
from typing import Any, Final, TypeVar

import msgspec


class NotTheWire(Exception):  # noqa: N818 - the name says what it is
    """What came is not an answer of the OpenAI wire; the message says why."""


class Function(msgspec.Struct, gc=False):
    """A function that is called; its arguments come in parts when streamed."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """One call of a tool."""

    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """A message, or what a chunk adds to it."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None

    @property
    def calls_tools(self) -> bool:
        """Whether any tool or function is called here."""
        return bool(self.tool_calls) or self.function_call is not None

    def texts(self) -> list[str]:
        """Everything here that was generated."""
        texts = [self.reasoning_content or self.reasoning, self.content, self.refusal]
        functions = [call.function for call in self.tool_calls or ()] + [self.function_call]
        for function in functions:
            if function is not None:
                texts += [function.name, function.arguments]
        return [text for text in texts if text]


class ChunkChoice(msgspec.Struct, gc=False):
    """A choice in a chunk."""

    index: int = 0
    delta: Said | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """One chunk of a stream; `choices` is `None` where it is not one."""

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    choices: list[ChunkChoice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: Any = None


class WholeChoice(msgspec.Struct, gc=False):
    """A choice in a whole answer."""

    index: int = 0
    message: Said | None = None
    finish_reason: str | None = None


class WholeAnswer(msgspec.Struct, gc=False):
    """A whole answer; `choices` is `None` where it is not one."""

    model: str | None = None
    service_tier: str | None = None
    choices: list[WholeChoice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: Any = None


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises of bytes it cannot decode: no JSON or another type, no UTF-8, nested too deep."""

_T = TypeVar("_T", Chunk, WholeAnswer)
_NO_USAGE: Final = frozenset({b"", b"null"})
_chunk: Final = msgspec.json.Decoder(Chunk)
_whole: Final = msgspec.json.Decoder(WholeAnswer)


def read_chunk(data: bytes) -> Chunk:
    """One chunk.

    Raises:
        NotTheWire: it is no JSON object.
    """
    try:
        return _chunk.decode(data)
    except UNREADABLE:
        return _convert(_untyped(data), Chunk)


def read_whole(data: bytes) -> WholeAnswer:
    """A whole answer.

    Raises:
        NotTheWire: it is no JSON object.
    """
    try:
        return _whole.decode(data)
    except UNREADABLE:
        return _convert(_untyped(data), WholeAnswer)


def stated_usage(usage: msgspec.Raw) -> bytes | None:
    """The usage as JSON, or `None` where it is missing or null."""
    raw = bytes(usage)
    return None if raw in _NO_USAGE else raw


def said_of_error(error: Any) -> str:
    """What an `error` says of itself: its message, its text, or nothing."""
    message = error.get("message") if isinstance(error, dict) else error
    return _text(message) or ""


def _untyped(data: bytes) -> dict[str, Any]:
    # The standard library also reads what msgspec refuses: lone surrogates and NaN.
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotTheWire("it is not JSON") from error
    if not isinstance(found, dict):
        raise NotTheWire("it is not a JSON object")
    return found


def _convert(found: dict[str, Any], kind: type[_T]) -> _T:
    choices = found.get("choices")
    usage = found.get("usage")
    answer = kind(
        model=_text(found.get("model")),
        service_tier=_text(found.get("service_tier")),
        usage=msgspec.Raw(_json(usage).encode()) if isinstance(usage, dict) else msgspec.Raw(),
        error=found.get("error"),
    )
    if isinstance(answer, Chunk):
        answer.id = _text(found.get("id"))
        answer.choices = _choices(choices, ChunkChoice, "delta") if isinstance(choices, list) else None
    elif isinstance(choices, list):
        answer.choices = _choices(choices, WholeChoice, "message")
    return answer


_C = TypeVar("_C", ChunkChoice, WholeChoice)


def _choices(choices: list[Any], kind: type[_C], part: str) -> list[_C]:
    found = []
    for at, choice in enumerate(choices):
        if isinstance(choice, dict):
            index = choice.get("index")
            said = {part: _said(choice.get(part))}
            finish = _text(choice.get("finish_reason"))
            found.append(kind(index=index if isinstance(index, int) else at, finish_reason=finish, **said))
    return found


def _said(message: Any) -> Said | None:
    if not isinstance(message, dict):
        return None
    calls = message.get("tool_calls")
    return Said(
        content=_text(message.get("content")),
        reasoning_content=_text(message.get("reasoning_content")),
        reasoning=_text(message.get("reasoning")),
        refusal=_text(message.get("refusal")),
        tool_calls=[ToolCall(_function(call.get("function"))) for call in calls if isinstance(call, dict)]
        if isinstance(calls, list)
        else None,
        function_call=_function(message.get("function_call")),
    )


def _function(function: Any) -> Function | None:
    if not isinstance(function, dict):
        return None
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        arguments = _json(arguments)
    return Function(_text(function.get("name")), _text(arguments))


def _json(value: dict[str, Any]) -> str:
    try:
        return json.dumps(value)
    except RecursionError:  # it is read deeper than it can be written
        return ""


def _text(value: Any) -> str | None:
    """A text, or the texts of a list of parts; half surrogate pairs become U+FFFD."""
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        value = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(value, str):
        return None
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
