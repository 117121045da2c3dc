"""What a score, a share and a drawn number may be."""

from router.errors import InvalidRequest
from router.outcomes.record import OutcomeRecord, Scores


def check_scores(scores: Scores) -> None:
    """Refuses what is no score.

    Raises:
        InvalidRequest: not a number from 0 to 1, or no score at all.
    """
    if scores.small is None and scores.large is None:
        raise InvalidRequest(
            "there is no score in it: give one of `small`, of `large`, or both", param="score"
        )
    _check_range("small.score", scores.small)
    _check_range("large.score", scores.large)


def check_record(record: OutcomeRecord) -> None:
    """Refuses a record that could not have come about.

    Raises:
        InvalidRequest: a number out of its range, or a tier or source of scores that there is none of.
    """
    _check_range("small.score", record.small.score)
    _check_range("large.score", record.large.score)
    _check_range("difficulty", record.difficulty)
    for scores in record.beside.values():
        check_scores(scores)
    if record.tier not in ("small", "large"):
        raise InvalidRequest(f"tier is {record.tier[:40]!r}; it should be small or large", param="tier")
    if not 0 < record.share <= 1:
        raise InvalidRequest(f"share is {record.share!r}; it should be above 0 and up to 1", param="share")
    if record.drawn is not None and not 0 <= record.drawn <= record.share:
        raise InvalidRequest(
            f"drawn is {record.drawn!r}; it should be from 0 to the share, {record.share!r}", param="drawn"
        )
    if not record.judged_by and (record.small.score is not None or record.large.score is not None):
        raise InvalidRequest("judged_by: a score needs to say whose it is", param="judged_by")


def _check_range(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:  # also refuses NaN
        raise InvalidRequest(f"{name}: expected a number from 0 to 1, got {value!r}", param=name)
