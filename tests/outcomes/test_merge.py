"""What is known of an outcome once more is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.outcomes.merge import merged, scored
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores, decode_outcome, encode_outcome
from tests.outcomes.examples import an_outcome, judged

maybe = st.none() | st.floats(0, 1)
scores = st.builds(Scores, small=maybe, large=maybe)
AT_MS = 1_700_000_000_000


@st.composite
def outcomes(draw: st.DrawFn) -> OutcomeRecord:
    drawn = draw(st.sampled_from([None, 0.01]))
    by = draw(st.sampled_from(["", *JudgedBy]))
    own = draw(scores) if by else Scores()
    plain = an_outcome(at_ms=AT_MS, drawn=drawn, share=1.0 if drawn is None else 0.02)
    beside = draw(st.dictionaries(st.sampled_from(JudgedBy), scores, max_size=2))
    return replace(
        plain,
        small=replace(plain.small, score=own.small),
        large=replace(plain.large, score=own.large),
        judged_by=by,
        missing="" if own.complete else draw(st.sampled_from(["", "judge_failed", "worker_died"])),
        beside={by_: found for by_, found in sorted(beside.items()) if by_ != by},
    )


@given(outcomes(), outcomes())
def test_what_was_merged_once_changes_nothing_when_it_comes_again(found: OutcomeRecord, new: OutcomeRecord):
    once = merged(found, new)
    assert merged(once, new) == once
    assert merged(once, found) == once
    assert merged(once, once) == once


@given(outcomes(), outcomes())
def test_no_score_is_lost_whichever_comes_first(first: OutcomeRecord, second: OutcomeRecord):
    known = merged(first, second)
    for record in (first, second):
        sources = {**record.beside, record.judged_by: record.scores} if record.judged_by else record.beside
        for by, said in sources.items():
            kept = known.scores if known.judged_by == by else known.beside[JudgedBy(by)]
            if said.complete:
                assert kept.complete
    assert known.audited == (first.audited or second.audited)


@given(outcomes())
def test_the_stored_form_is_the_record(record: OutcomeRecord):
    assert decode_outcome(encode_outcome(record)) == record
    assert encode_outcome(decode_outcome(encode_outcome(record))) == encode_outcome(record)


@given(outcomes(), scores, st.sampled_from(JudgedBy))
def test_scores_of_two_sources_never_make_one_row(record: OutcomeRecord, said: Scores, by: JudgedBy):
    after = scored(record, said, by)
    if record.judged_by not in ("", by):
        assert (after.scores, after.judged_by) == (record.scores, record.judged_by)
    assert scored(after, said, by) == after


def test_hand_scores_stand_beside_the_judges():
    after = scored(judged(1, 0.5, 1.0), Scores(small=0.0), JudgedBy.HAND)
    after = scored(after, Scores(large=1.0), JudgedBy.HAND)
    assert after.hand == Scores(small=0.0, large=1.0)
    assert (after.scores, after.judged_by) == (Scores(small=0.5, large=1.0), "judge")


def test_feedback_that_came_first_makes_way_for_the_judge_and_stays():
    feedback = scored(replace(an_outcome(), drawn=None, share=1.0), Scores(small=0.1), JudgedBy.FEEDBACK)
    known = merged(feedback, judged(1, 0.5, 1.0, at_ms=feedback.at_ms))
    assert (known.scores, known.judged_by, known.share) == (Scores(small=0.5, large=1.0), "judge", 0.02)
    assert known.beside == {JudgedBy.FEEDBACK: Scores(small=0.1)}


def test_the_last_word_of_the_same_source_counts():
    first = scored(an_outcome(), Scores(small=1.0), JudgedBy.FEEDBACK)
    assert scored(first, Scores(small=0.0), JudgedBy.FEEDBACK).small.score == 0.0


def test_what_an_audit_began_with_gives_way_to_what_came_of_it_in_whatever_order():
    begun, failed = an_outcome(missing="worker_died"), an_outcome(missing="other_failed")
    assert merged(begun, failed).missing == merged(failed, begun).missing == "other_failed"
    assert merged(begun, begun).missing == "worker_died"


def test_why_a_score_is_missing_goes_once_there_is_one():
    failed = an_outcome(missing="judge_failed")
    known = merged(failed, judged(1, 0.5, 1.0, at_ms=failed.at_ms))
    assert known.missing == ""
    assert merged(known, failed) == known


def test_what_an_audit_begins_with_makes_way_for_the_reason_it_ends_with():
    begun, ended = (an_outcome(at_ms=AT_MS, missing=missing) for missing in ("worker_died", "judge_failed"))
    assert merged(begun, ended).missing == merged(ended, begun).missing == "judge_failed"


@pytest.mark.parametrize("by", list(JudgedBy))
def test_prompts_and_answers_that_are_kept_are_shown_and_others_leave_no_trace(by: JudgedBy):
    bare = judged(1, 0.5, 1.0, by=by).as_json()
    assert "messages" not in bare
    assert "output" not in bare["small"]
