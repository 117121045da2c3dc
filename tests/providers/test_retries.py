"""What follows a failure: every "never" of it."""

from hypothesis import given
from hypothesis import strategies as st

from router.providers.failure import AttemptFailed, Billed, FailureKind
from router.providers.retries import BASE_S, CAP_S, PATIENCE_S, Fallback, GiveUp, Retry, backoff_s, next_step

KINDS = st.sampled_from(FailureKind)
CHANCE = st.floats(0, 1, exclude_max=True)


@st.composite
def failures(draw: st.DrawFn) -> AttemptFailed:
    billed: Billed = draw(st.sampled_from(["no", "maybe"]))
    return AttemptFailed(
        draw(KINDS),
        "it failed",
        status=draw(st.sampled_from([None, 200, 400, 404, 429, 500])),
        retry_after_s=draw(st.none() | st.floats(0, 4000)),
        answered=draw(st.booleans()),
        billed=billed,
    )


@given(failures(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), CHANCE)
def test_what_was_answered_is_never_sent_again(
    failure: AttemptFailed, attempt_no: int, budget: int, fallbacks_left: int, chance: float
) -> None:
    if failure.answered:
        assert isinstance(next_step(failure, attempt_no, budget, fallbacks_left, chance), GiveUp)


@given(st.lists(failures(), min_size=12, max_size=12), st.integers(1, 8), st.integers(0, 5), CHANCE)
def test_attempts_never_exceed_the_budget_and_fallbacks_never_repeat(
    all_failures: list[AttemptFailed], budget: int, fallbacks: int, chance: float
) -> None:
    attempts, left = 1, fallbacks
    for failure in all_failures:
        step = next_step(failure, attempts, budget, left, chance)
        if isinstance(step, GiveUp):
            break
        attempts += 1
        left -= isinstance(step, Fallback)
    assert attempts <= budget
    assert left >= 0


@given(failures(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), CHANCE)
def test_a_wait_is_as_long_as_was_asked_and_never_beyond_patience(
    failure: AttemptFailed, attempt_no: int, budget: int, fallbacks_left: int, chance: float
) -> None:
    step = next_step(failure, attempt_no, budget, fallbacks_left, chance)
    if isinstance(step, Retry):
        assert (failure.retry_after_s or 0) <= step.after_s <= max(PATIENCE_S, CAP_S)


@given(failures(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), CHANCE)
def test_a_refused_request_is_never_sent_again_to_the_same_model(
    failure: AttemptFailed, attempt_no: int, budget: int, fallbacks_left: int, chance: float
) -> None:
    step = next_step(failure, attempt_no, budget, fallbacks_left, chance)
    if failure.kind is FailureKind.BAD_REQUEST:
        assert not isinstance(step, Retry)
        if failure.status != 404:
            assert isinstance(step, GiveUp)
    if failure.kind in {FailureKind.AUTH, FailureKind.CIRCUIT_OPEN, FailureKind.BUSY, FailureKind.GARBAGE}:
        assert not isinstance(step, Retry)


@given(st.floats(0, 30), st.integers(1, 9), st.integers(0, 5), CHANCE)
def test_a_model_that_may_still_be_at_work_is_not_given_the_same_work_again(
    asked_s: float, budget: int, fallbacks_left: int, chance: float
) -> None:
    late = AttemptFailed(FailureKind.FIRST_BYTE_TIMEOUT, "late", retry_after_s=asked_s, billed="maybe")
    step = next_step(late, 1, budget, fallbacks_left, chance)
    assert isinstance(step, Fallback if fallbacks_left and budget > 1 else GiveUp)


@given(failures(), st.integers(1, 4), st.integers(1, 9), st.integers(1, 5), CHANCE)
def test_every_fallback_in_line_gets_its_turn_before_retries_use_the_budget_up(
    failure: AttemptFailed, attempt_no: int, budget: int, fallbacks_left: int, chance: float
) -> None:
    step = next_step(failure, attempt_no, budget, fallbacks_left, chance)
    if isinstance(step, Retry):
        assert budget - (attempt_no + 1) >= fallbacks_left


@given(st.integers(1, 1000), CHANCE)
def test_a_back_off_is_jittered_doubled_and_capped(attempt_no: int, chance: float) -> None:
    assert 0 <= backoff_s(attempt_no, chance) <= min(CAP_S, BASE_S * 2.0 ** min(attempt_no - 1, 16))
    assert backoff_s(1, 0.0) == 0.0


def test_a_model_that_is_not_there_goes_to_the_next_in_line() -> None:
    failure = AttemptFailed(FailureKind.BAD_REQUEST, "no such model", status=404)
    assert isinstance(next_step(failure, 1, 3, 1, 0.5), Fallback)
    assert isinstance(next_step(failure, 1, 3, 0, 0.5), GiveUp)


def test_a_long_wait_goes_to_the_next_in_line_or_says_so() -> None:
    failure = AttemptFailed(FailureKind.RATE_LIMITED, "quota of the day", retry_after_s=3600)
    assert isinstance(next_step(failure, 1, 3, 1, 0.5), Fallback)
    given_up = next_step(failure, 1, 3, 0, 0.5)
    assert isinstance(given_up, GiveUp)
    assert "3600 s" in given_up.why
