"""A row of a file → the scores in it."""

from typing import Any

from router.errors import InvalidRequest
from router.outcomes.record import JudgedBy
from router.outcomes.scoring import Said

_BY_OTHERS = (JudgedBy.FEEDBACK, JudgedBy.HAND, JudgedBy.IMPORT)


def said_in(row: Any, judged_by: JudgedBy | None = None) -> Said | None:
    """What a row says of a decision; `None` where its places for scores are not filled in.

    Args:
        row: `{"decision_id" or "id", "score"}`, or with `small` and `large` as in an outcome, or one of a
            sample with its `hand`. Whatever else it has is passed over.
        judged_by: whose scores they are; `None` leaves it to the row, else `import`.

    Raises:
        InvalidRequest: it is no such row.
    """
    if not isinstance(row, dict):
        raise InvalidRequest("not a JSON object")
    decision_id = row.get("decision_id", row.get("id"))
    if not isinstance(decision_id, str):
        raise InvalidRequest('needs "decision_id" (or "id"), the id of a decision')
    if isinstance(row.get("hand"), dict):
        hand = row["hand"]
        small, large = _number(hand, "small", "hand.small"), _number(hand, "large", "hand.large")
        return _said(decision_id, judged_by or JudgedBy.HAND, small, large, None)
    small, large = _of_tier(row, "small"), _of_tier(row, "large")
    return _said(decision_id, judged_by or _by(row), small, large, _number(row, "score", "score"))


def account_in(row: Any) -> str | None:
    """The account that a row says its decision is of; `None` where it does not say.

    Raises:
        InvalidRequest: it is no text.
    """
    account = row.get("account")
    if account is None or isinstance(account, str):
        return account
    raise InvalidRequest(f'"account" should be the name of an account, is {str(account)[:40]!r}')


def _said(
    decision_id: str, by: JudgedBy, small: float | None, large: float | None, answer: float | None
) -> Said | None:
    if small is None and large is None and answer is None:
        return None
    return Said(decision_id, by, small, large, answer)


def _by(row: dict[str, Any]) -> JudgedBy:
    given = row.get("judged_by") or JudgedBy.IMPORT
    if given not in _BY_OTHERS:
        raise InvalidRequest(
            f'"judged_by" is {str(given)[:40]!r}; scores that come in are of {", ".join(_BY_OTHERS)} '
            "(--judged-by says so for the whole file)"
        )
    return JudgedBy(given)


def _of_tier(row: dict[str, Any], tier: str) -> float | None:
    given = row.get(tier)
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidRequest(f'"{tier}" should be an object with "score"')
    return _number(given, "score", f"{tier}.score")


def _number(values: dict[str, Any], name: str, shown: str) -> float | None:
    given = values.get(name)
    if given is None or (isinstance(given, int | float) and not isinstance(given, bool)):
        return given
    raise InvalidRequest(f'"{shown}" should be a number from 0 to 1, is {str(given)[:40]!r}')
