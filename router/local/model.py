"""The weights at work: one chat at a time, in a thread, token by token."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from router.local.weights import RUNTIME

CONTEXT_TOKENS: Final = 8_192
MOST_OUTPUT_TOKENS: Final = 1_024
"""A model this small repeats itself without end; no answer may be longer."""

_BATCH_TOKENS: Final = 256
# The one in the weights adds a default system prompt, with which these quantised weights answer in French.
_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant{{ '\n' }}"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text; the last one has none and says why the answer ended.

    Attributes:
        prompt_tokens: what was read, by the model's own tokenizer; in the last piece.
        completion_tokens: what was made, the end mark included; in the last piece.
    """

    text: str
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


class DoesNotFit(ValueError):  # noqa: N818 - the name says what was wrong
    """The chat and what was asked for are longer than the context."""


class _Left(Exception):  # noqa: N818
    """Nobody waits for the answer any more."""


class LocalModel:
    """llama.cpp with the weights loaded. Not safe to use from two threads at once."""

    def __init__(self, path: Path, threads: int) -> None:
        """Loads the weights; `threads` is how many cores it may keep busy."""
        self._runtime = import_module(RUNTIME)
        formatter = self._runtime.llama_chat_format.Jinja2ChatFormatter(
            _TEMPLATE, "<|im_end|>", "<|im_start|>"
        )
        self._llama = self._runtime.Llama(
            str(path),
            n_ctx=CONTEXT_TOKENS,
            n_batch=_BATCH_TOKENS,
            n_threads=threads,
            n_threads_batch=threads,
            chat_handler=formatter.to_chat_handler(),
            verbose=False,
        )
        self._evaluate: Callable[[Sequence[int]], None] = self._llama.eval
        self._llama.eval = self._evaluate_in_batches
        self._left = threading.Event()

    def answer(
        self, messages: Sequence[Mapping[str, str]], options: Mapping[str, Any], left: threading.Event
    ) -> Iterator[Piece]:
        """The answer, piece by piece; ends early when `left` is set.

        Args:
            messages: each a `role` and a `content`.
            options: of llama-cpp-python's `create_chat_completion`.
            left: set when nobody waits for it any more; looked at before each token, and while a long prompt
                is read every 256 tokens.

        Raises:
            DoesNotFit: the prompt is longer than the context.
        """
        self._left = left
        counted: list[int] = []
        chunks = self._llama.create_chat_completion(
            messages=list(messages),
            stream=True,
            logits_processor=self._runtime.LogitsProcessorList([_counting(counted)]),
            **options,
        )
        with closing(chunks):
            try:
                for chunk in chunks:
                    yield from _pieces(chunk["choices"][0], counted)
                    if left.is_set():
                        return
            except _Left:
                return
            except ValueError as error:
                if "exceed context window" in str(error):
                    raise DoesNotFit(str(error)) from error
                raise

    def _evaluate_in_batches(self, tokens: Sequence[int]) -> None:
        for start in range(0, len(tokens), _BATCH_TOKENS):
            if self._left.is_set():
                raise _Left
            self._evaluate(tokens[start : start + _BATCH_TOKENS])


def _pieces(choice: Mapping[str, Any], counted: Sequence[int]) -> Iterator[Piece]:
    if choice["delta"].get("content"):
        yield Piece(choice["delta"]["content"])
    if choice["finish_reason"] is not None:
        yield Piece("", choice["finish_reason"], counted[0] if counted else 0, len(counted))


def _counting(counted: list[int]) -> Callable[[Any, Any], Any]:
    """Called once a token with the tokens so far, those of the prompt included."""

    def count(tokens: Any, scores: Any) -> Any:
        counted.append(len(tokens))
        return scores

    return count
