"""What a recorded query or chat tells a classifier: the same facts that serving derives from a request."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from classifiers.errors import RowError
from classifiers.facts import QueryFacts


def facts_of_row(row: dict[str, Any]) -> QueryFacts:
    """Facts of an object with either `query` or `messages`, and perhaps `tools`.

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
    return replace(facts, has_tools=True) if row.get("tools") else facts


def facts_of_messages(messages: Sequence[Any]) -> QueryFacts:
    """What serving would know of a chat: the last user turn as text, the rest as lengths and counts.

    Raises:
        RowError: not a list of messages with a role, or no user turn.
    """
    last = max(
        (at for at, m in enumerate(messages) if isinstance(m, dict) and m.get("role") == "user"), default=-1
    )
    if last < 0:
        raise RowError('"messages" has no message whose "role" is "user"')
    system, history = 0, 0
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise RowError(f'"messages"[{at}] is not an object')
        length = len(_text_of(message.get("content")))
        if message.get("role") in ("system", "developer"):
            system += length
        elif at < last:
            history += length
    content = messages[last].get("content")
    images = sum(_is_image(part) for part in content) if isinstance(content, list) else 0
    return QueryFacts(_text_of(content), len(messages), system, history, images=images)


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def _is_image(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("image_url", "input_image", "image")
