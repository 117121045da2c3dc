"""How far the small model's answer says what the large one's says, spelling, form and marks apart."""

import asyncio
import re
import unicodedata
from collections import Counter
from typing import Final

from router.audit.judge import LONGEST_ANSWER_CHARS, Judge, Pair, Unjudged, check_length
from router.audit.missing import Missing
from router.outcomes.record import Scores

_THOUSANDS: Final = re.compile(r"(?<=\d)[,_'](?=\d{3}(?!\d))")
_APOSTROPHE: Final = re.compile(r"(?<=[^\W\d_])['\u2019](?=[^\W\d_])")
_NUMBER: Final = r"(?:(?<![\w.)\]])[-\u2212](?=\d))?\d+(?:\.\d+)?"
_ALONE: Final = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
"""Letters of scripts that put no spaces between words: each counts as a word."""
_WORD: Final = re.compile(rf"{_NUMBER}|{_ALONE}|(?:(?!{_ALONE})[^\W_])+")


class AgreementJudge(Judge):
    """The large answer is worth 1; the small one as much as it agrees with it."""

    async def scores(self, pair: Pair) -> Scores:
        """See `Judge`."""
        check_length(pair)
        return await asyncio.to_thread(_agreed, pair)


def _agreed(pair: Pair) -> Scores:
    if max(len(_plain(text)) for text in (pair.small, pair.large)) > LONGEST_ANSWER_CHARS:
        raise Unjudged(Missing.TOO_LONG)
    return Scores(small=agreement(pair.small, pair.large), large=1.0)


def agreement(answer: str, reference: str) -> float:
    """1 where both come to the same words in the same order, else the F1 of their words, 0-1.

    With c words in common (each as often as in both), F1 = 2c / (words of the one + words of the other), as
    in SQuAD (arXiv 1606.05250). Where one of the two has no word at all, 1 if they are the same but for white
    space, else 0.
    """
    ours, theirs = words(answer), words(reference)
    if not ours or not theirs:
        return float(answer.split() == reference.split())
    if ours == theirs:
        return 1.0
    common = (Counter(ours) & Counter(theirs)).total()
    return 2 * common / (len(ours) + len(theirs))


def words(text: str) -> list[str]:
    """The words of a text: compatibility forms and case folded, marks of punctuation and Markdown gone.

    Numbers keep sign and decimals and lose what says nothing: separators of thousands, zeros in front and
    behind.
    """
    plain = _APOSTROPHE.sub("", _THOUSANDS.sub("", _plain(text)))
    return [_normal(word) for word in _WORD.findall(plain)]


def _plain(text: str) -> str:
    """Compatibility forms written out, case folded: up to 18 times as long as it was."""
    return unicodedata.normalize("NFKC", text).casefold()


def _normal(word: str) -> str:
    digits = word.lstrip("-\u2212")
    if not digits.replace(".", "", 1).isdecimal():
        return word
    whole, _, part = digits.partition(".")
    whole, part = whole.lstrip("0") or "0", part.rstrip("0")
    sign = "-" if digits != word else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
