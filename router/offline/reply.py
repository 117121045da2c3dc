"""What the offline upstream says: the same for the same request, plainly no model's answer."""

import json
import re
from dataclasses import dataclass
from typing import Final

from router.bundled.chat import Chat
from router.offline.example import example_of
from router.pricing.tokens import count_tokens

SMALL: Final = "offline/small"
LARGE: Final = "offline/large"
MESSAGE_TOKENS: Final = 4
"""What OpenAI's chat template adds around a message."""

IMAGE_TOKENS: Final = 85
"""What OpenAI counts for a picture at low detail."""

_READ_BACK_WORDS: Final = {SMALL: 12, LARGE: 160}
_CHARS_A_WORD: Final = 8
_SENTENCE_END: Final = re.compile(r"[.!?\u3002\uff01\uff1f]+(?:\s|$)")
_PIECE: Final = re.compile(r"\s*\S+\s*")
_ADVICE: Final = (
    "For an answer by a model, set a provider's key such as OPENAI_API_KEY or start a local model server, "
    "and start Pennyroute again."
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice.

    Attributes:
        text: what is said, unless a tool is called.
        tool: the function that is called.
        tokens: an estimate of what it counts.
    """

    finish_reason: str
    tokens: int
    text: str | None = None
    tool: str | None = None
    arguments: str = ""


def reply(chat: Chat, index: int) -> Reply:
    """Choice `index` of the answer, ended by the caller's stop texts and cap."""
    if chat.forced_tool is not None:
        name = str(chat.forced_tool["name"])
        arguments = json.dumps(example_of(chat.forced_tool.get("parameters") or {}), ensure_ascii=False)
        tokens = count_tokens(name) + count_tokens(arguments)
        return Reply("tool_calls", tokens, tool=name, arguments=arguments)
    text = _before(_text(chat, index), chat.stop)
    kept = text if chat.cap is None else _first_tokens(text, chat.cap)
    return Reply("stop" if kept == text else "length", count_tokens(kept), kept)


def prompt_tokens(chat: Chat) -> int:
    """An estimate of what the request counts."""
    texts = sum(count_tokens(message.text) + MESSAGE_TOKENS for message in chat.messages)
    images = IMAGE_TOKENS * sum(message.images for message in chat.messages)
    tools = count_tokens(json.dumps(chat.tools)) if chat.tools else 0
    return texts + images + tools


def _text(chat: Chat, index: int) -> str:
    if chat.response_format == "text":
        return _sentences(chat, index)
    plain = {"answered_by": chat.model, "model_answered": False, "text": _sentences(chat, index)}
    return json.dumps(plain if chat.schema is None else example_of(chat.schema), ensure_ascii=False)


def _sentences(chat: Chat, index: int) -> str:
    words = chat.query.split()
    said = [
        f"This is the bundled offline upstream of Pennyroute speaking as {chat.model}; no model answered."
    ]
    if chat.choices > 1:
        said.append(f"Choice {index + 1} of {chat.choices}.")
    said.append(f"Your query has {_counted(len(words), 'word')}.")
    if chat.model == LARGE:
        said.append(
            f"It has {_counted(len(chat.query), 'character')}, "
            f"{_counted(max(1, len(_SENTENCE_END.findall(chat.query))), 'sentence')} and "
            f"{_counted(chat.query.count(chr(10)) + 1, 'line')}; "
            f"the request has {_counted(len(chat.messages), 'message')}."
        )
    if words:
        said.append(f"It begins: {_excerpt(words, _READ_BACK_WORDS[chat.model])}")
    if chat.model == LARGE:
        said.append(_ADVICE)
    return " ".join(said)


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _excerpt(words: list[str], most: int) -> str:
    whole = " ".join(words[: most + 1])
    cut = " ".join(words[:most])[: most * _CHARS_A_WORD]
    return f'"{cut}"' if cut == whole else f'"{cut} …"'


def _before(text: str, stops: tuple[str, ...]) -> str:
    ends = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends, default=len(text))]


def pieces_of(text: str) -> list[str]:
    """The text word by word, with the blanks around them; joined, they are the text."""
    return _PIECE.findall(text)


def _first_tokens(text: str, cap: int) -> str:
    """As many whole words as are no more than `cap` tokens, at least the first."""
    words = pieces_of(text)
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens("".join(words[:middle])) <= cap:
            low = middle
        else:
            high = middle - 1
    return "".join(words[:low])
