"""Scores for decisions, whoever gives them: callers, people by hand, other systems."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from router.catalog import Route
from router.decisions import Ended, find_ended
from router.errors import InvalidRequest, NotFound
from router.outcomes.check import check_scores
from router.outcomes.of_decision import outcome_of
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores
from router.outcomes.store import Outcomes
from router.store.connection import Store

_ID = re.compile(r"dec_[0-9a-z]{26}")


class Fate(StrEnum):
    """What became of a score that was taken."""

    SCORED = "scored"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says of a decision, 0-1 each.

    Attributes:
        answer: of the tier that answered the caller, by whoever cannot tell which one that was.
    """

    decision_id: str
    judged_by: JudgedBy
    small: float | None = None
    large: float | None = None
    answer: float | None = None


class Scoring:
    """Takes scores for the decisions of an account."""

    def __init__(self, store: Store, outcomes: Outcomes, routes: Mapping[str, Route]) -> None:
        self._store = store
        self._outcomes = outcomes
        self._routes = routes

    async def take(self, account: str, said: Said, *, own_key: str | None = None) -> Fate:
        """Adds a score to its decision's outcome, which is made if there is none.

        Args:
            account: the tenant.
            said: the scores.
            own_key: take them only for a decision that this key made; `None` for any of the account.

        Raises:
            InvalidRequest: no score, or out of range; or of a decision that has nothing to score.
            NotFound: no such decision, another key's, or older than what is kept.
            StoreUnavailable: whether it is kept is not known; say it again.
        """
        _check(said)
        found, ended = await self._found(account, said.decision_id, own_key)
        if found is None:
            assert ended is not None
            made = outcome_of(ended, self._routes.get(ended.record.route))
            found = await self._outcomes.put(account, made)
            if found is None:
                raise _unknown(said.decision_id)
        scores = _by_tier(said, found.tier)
        after = await self._outcomes.score(
            account, found.id, small=scores.small, large=scores.large, judged_by=said.judged_by
        )
        return Fate.UNCHANGED if after == found else Fate.SCORED

    async def take_of(self, accounts: Sequence[str], said: Said) -> Fate:
        """The same for whoever does not know which of the accounts made the decision.

        Raises:
            InvalidRequest: as `take`.
            NotFound: none of them made it, or it is older than what is kept.
            StoreUnavailable: as `take`.
        """
        for account in accounts:
            try:
                return await self.take(account, said)
            except NotFound:
                continue
        raise _unknown(said.decision_id)

    async def _found(
        self, account: str, decision_id: str, own_key: str | None
    ) -> tuple[OutcomeRecord | None, Ended | None]:
        """The outcome, or the decision one can be made of.

        Raises:
            NotFound: neither.
        """
        found = await self._outcomes.get(account, decision_id)
        ended = None
        if found is None or own_key is not None:
            ended = await find_ended(self._store, account, decision_id)
            if ended is None or own_key not in (None, ended.record.key_id):
                raise _unknown(decision_id)
        return found, ended


def _check(said: Said) -> None:
    if not _ID.fullmatch(said.decision_id):
        raise _unknown(said.decision_id)
    if said.answer is None:
        check_scores(Scores(small=said.small, large=said.large))
        return
    if said.small is not None or said.large is not None:
        raise InvalidRequest(
            "`score` is of the answer that was given; leave it out where `small` or `large` is there",
            param="score",
        )
    if not 0 <= said.answer <= 1:
        raise InvalidRequest(f"score: expected a number from 0 to 1, got {said.answer!r}", param="score")


def _by_tier(said: Said, tier: str) -> Scores:
    if said.answer is None:
        return Scores(small=said.small, large=said.large)
    return Scores(small=said.answer) if tier == "small" else Scores(large=said.answer)


def _unknown(decision_id: str) -> NotFound:
    return NotFound(
        f"there is no decision {decision_id[:40]!r} (or it is another key's, has not ended, or is older than "
        "what is kept)",
        param="decision_id",
    )
