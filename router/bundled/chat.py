"""What an OpenAI chat request asks for, read once and checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from router.errors import InvalidRequest

_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_MOST_CHOICES: Final = 128
_MOST_STOPS: Final = 4
_FORMATS: Final = frozenset({"text", "json_object", "json_schema"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        text: its text parts, one a line; half characters replaced.
        images: how many pictures go with it.
    """

    role: str
    text: str
    images: int


@dataclass(frozen=True, slots=True)
class Chat:
    """One request.

    Attributes:
        cap: the most tokens one choice may be, if the caller says so.
        stop: texts that end a choice before them.
        tools: the functions offered, each with its `name`.
        forced_tool: the one that must be called.
        response_format: `text`, `json_object` or `json_schema`.
        schema: what the JSON must look like, for `json_schema`.
        body: the whole of it, as parsed.
    """

    model: str
    messages: tuple[Message, ...]
    body: Mapping[str, Any]
    stream: bool = False
    usage_wanted: bool = False
    choices: int = 1
    cap: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    forced_tool: Mapping[str, Any] | None = None
    response_format: str = "text"
    schema: Mapping[str, Any] | None = None

    @property
    def query(self) -> str:
        """The text of the last user message, else of the last message."""
        asked = [message for message in self.messages if message.role == "user"] or self.messages
        return asked[-1].text


def read_chat(content: bytes) -> Chat:
    """The request that a body states.

    Raises:
        InvalidRequest: it is no JSON, or a field is not what the wire says; `param` names the field.
    """
    body = _json(content)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        _refuse("you must provide a model", "model")
    tools = _tools(body)
    response_format, schema = _response_format(body)
    stream = _flag(body, "stream")
    return Chat(
        model=model,
        messages=_messages(body),
        body=body,
        stream=stream,
        usage_wanted=stream and _usage_wanted(body),
        choices=_whole(body, "n", _MOST_CHOICES) or 1,
        cap=_whole(body, "max_completion_tokens") or _whole(body, "max_tokens"),
        stop=_stop(body),
        tools=tools,
        forced_tool=_forced(body, tools),
        response_format=response_format,
        schema=schema,
    )


def _refuse(message: str, param: str | None = None) -> NoReturn:
    raise InvalidRequest(message, param=param)


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}"[:300]) from None
    if not isinstance(body, dict):
        _refuse("the body must be a JSON object")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    stated = body.get("messages")
    if not isinstance(stated, list) or not stated:
        _refuse("messages must be a list of at least one message", "messages")
    return tuple(_message(message, f"messages[{i}]") for i, message in enumerate(stated))


def _message(stated: Any, where: str) -> Message:
    if not isinstance(stated, dict):
        _refuse("a message must be an object", where)
    role, content = stated.get("role"), stated.get("content")
    if role not in _ROLES:
        _refuse(f"role must be one of {', '.join(sorted(_ROLES))}", f"{where}.role")
    if content is None and role == "assistant":
        return Message(role, "", 0)
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        _refuse("content must be a text or a list of parts", f"{where}.content")
    texts = [part.get("text") for part in parts if part.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        _refuse("a text part must have a text", f"{where}.content")
    images = sum(part.get("type") == "image_url" for part in parts)
    return Message(role, _whole_characters("\n".join(texts)), images)


def _whole_characters(text: str) -> str:
    """Lone surrogates replaced: said back, they would make an answer that is no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        _refuse(f"{name} must be true or false", name)
    return bool(value)


def _usage_wanted(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        _refuse("stream_options must be an object", "stream_options")
    return _flag(options, "include_usage")


def _whole(body: Mapping[str, Any], name: str, most: int | None = None) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 1 or (most is not None and value > most):
        up_to = f" and at most {most}" if most else ""
        _refuse(f"{name} must be a whole number of at least 1{up_to}", name)
    return value


def _stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    stated = body.get("stop")
    texts = [stated] if isinstance(stated, str) else stated or []
    good = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    if not good or len(texts) > _MOST_STOPS:
        _refuse(f"stop must be a text or a list of at most {_MOST_STOPS}", "stop")
    return tuple(text for text in texts if text)


def _tools(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    stated = body.get("tools")
    if stated is None:
        return ()
    if not isinstance(stated, list):
        _refuse("tools must be a list", "tools")
    functions = []
    for i, tool in enumerate(stated):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            _refuse("a tool must be {type: function, function: {name, …}}", f"tools[{i}]")
        functions.append(function)
    return tuple(functions)


def _forced(body: Mapping[str, Any], tools: tuple[Mapping[str, Any], ...]) -> Mapping[str, Any] | None:
    choice = body.get("tool_choice")
    if choice in (None, "none", "auto"):
        return None
    if choice == "required":
        if not tools:
            _refuse("tool_choice is required, but no tools are offered", "tool_choice")
        return tools[0]
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    for tool in tools:
        if tool["name"] == name:
            return tool
    return _refuse("tool_choice must be none, auto, required or name an offered function", "tool_choice")


def _response_format(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    stated = body.get("response_format")
    if stated is None:
        return "text", None
    kind = stated.get("type") if isinstance(stated, dict) else None
    if kind not in _FORMATS:
        _refuse(f"response_format.type must be one of {', '.join(sorted(_FORMATS))}", "response_format")
    if kind != "json_schema":
        return str(kind), None
    described = stated.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        _refuse("response_format.json_schema must have a schema", "response_format")
    return "json_schema", schema
