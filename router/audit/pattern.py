"""Regular expressions matched within a bounded time. The one file that imports regex.

Python's own `re` cannot be stopped: a pattern such as `(a+)+$` takes longer than the universe lasts on an
answer that a stranger's prompt called forth. `regex` matches the same language, looks at the clock meanwhile,
and lets other threads work.
"""

import asyncio
from typing import Any

import regex

from router.audit.judge import Judge, Pair, Unjudged, check_length
from router.audit.missing import Missing
from router.outcomes.record import Scores

PATIENCE_S = 0.5


def compiled(pattern: str) -> Any:
    """The pattern, ready.

    Raises:
        ValueError: it is none; says why and where.
    """
    try:
        return regex.compile(pattern)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error) or "it is nested too deeply") from error


def found(pattern: Any, text: str, patience_s: float = PATIENCE_S) -> bool:
    """Whether a compiled pattern is anywhere in the text.

    Raises:
        TimeoutError: the time was not enough.
    """
    if patience_s <= 0:
        raise TimeoutError
    return pattern.search(text, timeout=patience_s, concurrent=True) is not None


class PatternJudge(Judge):
    """1 for an answer that has the pattern in it, else 0."""

    def __init__(self, pattern: str) -> None:
        self._pattern = compiled(pattern)

    async def scores(self, pair: Pair) -> Scores:
        """See `Judge`."""
        check_length(pair)
        try:
            return await asyncio.to_thread(self._both, pair)
        except TimeoutError:
            raise Unjudged(Missing.JUDGE_TIMEOUT) from None

    def _both(self, pair: Pair) -> Scores:
        small, large = (float(found(self._pattern, text)) for text in (pair.small, pair.large))
        return Scores(small=small, large=large)
