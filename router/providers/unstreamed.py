"""A whole answer told as a stream, for a provider that ignores `stream`."""

from typing import Final

import msgspec

from router.providers.chunks import UNREADABLE, NotTheWire
from router.providers.stream import event_of

_NO_FIELDS: Final[dict[str, msgspec.Raw]] = {}
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_objects: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_NULL: Final = msgspec.Raw(b"null")
_CHUNK: Final = msgspec.Raw(b'"chat.completion.chunk"')


def as_events(body: bytes) -> list[bytes]:
    """One event with each choice's content, one with its finish, and one with the usage where it is stated.

    Raises:
        NotTheWire: a choice or its message is no object.
    """
    try:
        frame = _object.decode(body)
        choices = _objects.decode(frame.pop("choices"))
        usage = frame.pop("usage", _NULL)
        frame["object"] = _CHUNK
        events = [event_of(frame | {"choices": [_content(choice, at)]}) for at, choice in enumerate(choices)]
        events += [event_of(frame | {"choices": [_finish(choice, at)]}) for at, choice in enumerate(choices)]
    except (KeyError, *UNREADABLE) as error:
        raise NotTheWire("its choices are not the wire's") from error
    if bytes(usage) != bytes(_NULL):
        events.append(event_of(frame | {"choices": [], "usage": usage}))
    return events


def _content(choice: dict[str, msgspec.Raw], at: int) -> dict[str, object]:
    delta: dict[str, object] = dict(_object.decode(choice["message"]) if "message" in choice else _NO_FIELDS)
    calls = delta.get("tool_calls", _NULL)
    if isinstance(calls, msgspec.Raw) and bytes(calls) != bytes(_NULL):
        delta["tool_calls"] = [{"index": no} | call for no, call in enumerate(_objects.decode(calls))]
    rest = {name: value for name, value in choice.items() if name != "message"}
    return {"index": at} | rest | {"delta": delta, "finish_reason": None}


def _finish(choice: dict[str, msgspec.Raw], at: int) -> dict[str, object]:
    reason = choice.get("finish_reason", _NULL)
    return {
        "index": choice.get("index", at),
        "delta": {},
        "finish_reason": "stop" if bytes(reason) == bytes(_NULL) else reason,
    }
