"""Messages of a conversation: what deciding needs of them, and what is refused."""

from collections.abc import Sequence

import msgspec

from classifiers import QueryFacts
from classifiers.messages import IMAGE_PARTS, SYSTEM_ROLES, TEXT_PARTS
from router.errors import InvalidRequest
from router.http.json_body import not_json, read_json
from router.query import Turn

MAX_MESSAGES = 10_000


class _ImageUrl(msgspec.Struct):
    url: str = ""


class _Part(msgspec.Struct):
    type: str = "text"
    text: str | None = None
    refusal: str | None = None
    image_url: _ImageUrl | str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None


_decoder = msgspec.json.Decoder(list[_Message])


class _Wrapped(msgspec.Struct):
    messages: list[_Message]


_wrapped = msgspec.json.Decoder(_Wrapped)


def read_messages(raw: msgspec.Raw, body: bytes) -> tuple[tuple[Turn, ...], int]:
    """The turns of a conversation, and the bytes of image data in it.

    Args:
        raw: the messages.
        body: what they came in, to say where it is not text.

    Raises:
        InvalidRequest: no messages, or one that is not a message; says which.
    """
    try:
        return _read_turns(raw)
    except msgspec.ValidationError:
        read_json(b'{"messages":' + bytes(raw) + b"}", _wrapped)  # fails too, with the place in `messages`
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(body, error) from error


def _read_turns(raw: msgspec.Raw) -> tuple[tuple[Turn, ...], int]:
    messages = _decoder.decode(raw)
    if not messages:
        raise InvalidRequest("messages: at least one message is needed", param="messages")
    if len(messages) > MAX_MESSAGES:
        raise InvalidRequest(f"messages: at most {MAX_MESSAGES} are read", param="messages")
    image_bytes = 0
    turns = []
    for at, message in enumerate(messages):
        content = message.content
        if isinstance(content, str):
            text, images = content, 0
        elif content is None:
            text, images = "", 0
        else:
            text, images, found = _parts(content)
            image_bytes += found
        if "\0" in text:
            raise InvalidRequest(
                f"messages[{at}]: the text has a NUL character (\\u0000), which no model reads",
                param="messages",
            )
        turns.append(Turn(message.role, text, images))
    return tuple(turns), image_bytes


def _parts(content: list[_Part]) -> tuple[str, int, int]:
    texts, images, image_bytes = [], 0, 0
    for part in content:
        if part.type in TEXT_PARTS:
            texts.append(part.text or part.refusal or "")
        elif part.type in IMAGE_PARTS:
            images += 1
            url = part.image_url
            image_bytes += len(url if isinstance(url, str) else url.url if url else "")
    return "\n".join(texts), images, image_bytes


def facts_of(turns: Sequence[Turn], *, has_tools: bool) -> QueryFacts:
    """What the classifier reads: the last user turn, and cheap facts of the rest."""
    if len(turns) == 1:
        only = turns[0]
        return QueryFacts(text=only.text, has_tools=has_tools, images=only.images)
    last = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=len(turns) - 1)
    system = sum(len(turn.text) for at, turn in enumerate(turns) if turn.role in SYSTEM_ROLES and at != last)
    total = sum(len(turn.text) for turn in turns)
    return QueryFacts(
        text=turns[last].text,
        turns=len(turns),
        system_chars=system,
        history_chars=total - system - len(turns[last].text),
        has_tools=has_tools,
        images=sum(turn.images for turn in turns),
    )
