"""What a recorded query or chat tells a classifier: the same facts that serving derives from a request."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from classifiers.errors import RowError
from classifiers.facts import QueryFacts

SYSTEM_ROLES: Final = ("system", "developer")
TEXT_PARTS: Final = ("text", "input_text", "refusal")
IMAGE_PARTS: Final = ("image_url", "input_image", "image")


def facts_of_row(row: dict[str, Any]) -> QueryFacts:
    """Facts of an object with either `query` or `messages`, and perhaps `tools` or `functions`.

    Raises:
        RowError: it has neither, both, or one of the wrong type.
    """
    query, messages = row.get("query"), row.get("messages")
    if isinstance(query, str) and messages is None:
        facts = QueryFacts(query)
    elif isinstance(messages, list) and query is None:
        facts = facts_of_messages(messages)
    else:
        raise RowError('needs either "query" (a text) or "messages" (a list)')
    return replace(facts, has_tools=True) if row.get("tools") or row.get("functions") else facts


def facts_of_messages(messages: Sequence[Any]) -> QueryFacts:
    """What serving knows of a chat: the last user turn as text, the rest as lengths and counts.

    Where no user spoke, the last message stands for the query.

    Raises:
        RowError: no messages, or one that is not an object with a role.
    """
    if not messages:
        raise RowError('"messages" is empty')
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise RowError(f'"messages"[{at}] is not an object with a "role"')
    last = max(
        (at for at, message in enumerate(messages) if message["role"] == "user"), default=len(messages) - 1
    )
    contents = [message.get("content") for message in messages]
    text = _text_of(contents[last])
    system, history = 0, 0
    for at, (message, content) in enumerate(zip(messages, contents, strict=True)):
        if at == last:
            continue
        if message["role"] in SYSTEM_ROLES:
            system += len(_text_of(content))
        else:
            history += len(_text_of(content))
    return QueryFacts(text, len(messages), system, history, images=sum(map(_images_of, contents)))


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_text_of_part(part) for part in _parts(content) if _kind(part) in TEXT_PARTS)


def _text_of_part(part: dict[str, Any]) -> str:
    texts = (part.get("text"), part.get("refusal"))
    return next((text for text in texts if isinstance(text, str) and text), "")


def _images_of(content: Any) -> int:
    return sum(_kind(part) in IMAGE_PARTS for part in _parts(content))


def _parts(content: Any) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _kind(part: dict[str, Any]) -> Any:
    return part.get("type", "text")
