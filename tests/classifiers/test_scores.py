"""Any query has a score, the same one however it is asked for, and reading it is bounded."""

import math
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import Classifier, Heuristic, QueryFacts, default_classifier, load_artifact
from classifiers.features import FORM, read
from classifiers.model import MAX_FACTORS, LearnedClassifier
from classifiers.part import READ_CHARS, part_of
from classifiers.train import TrainingReport

any_text = st.text(st.characters(codec=None), max_size=400) | st.text(
    string.ascii_letters + string.digits + " \n\t`${}?+=.", max_size=2_000
)
counts = st.integers(0, 10**9)
any_facts = st.builds(
    QueryFacts,
    text=any_text,
    turns=st.integers(1, 10_000),
    system_chars=counts,
    history_chars=counts,
    has_tools=st.booleans(),
    images=st.integers(0, 1_000),
)
SHIPPED = default_classifier()
ODD = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "ok \udfff\ud800 then",
    " \n\t",
    "!!!",
    "e\u0301\u0301" * 50,
    "\ufdfa" * 9_000,
    "\u0130" * 9_000,
    "\u03a3" * 9_000,
    "a" + "\u0360\u0334" * 9_000,
    "word " * 200_000,
    "x" * 1_000_000,
    "\U0001f600" * 10_000,
    "\uff46\uff55\uff4c\uff4c\u3000width",
]


@pytest.fixture(params=["shipped", "trained", "heuristic"])
def classifier(request: pytest.FixtureRequest, trained: TrainingReport) -> Classifier:
    if request.param == "trained":
        return load_artifact(trained.directory)
    return SHIPPED if request.param == "shipped" else Heuristic()


def test_the_shipped_artifact_is_what_serves_by_default():
    assert isinstance(SHIPPED, LearnedClassifier)
    assert SHIPPED.id.startswith("default-")


@given(st.lists(any_facts, max_size=6))
def test_one_score_a_batch_and_an_explanation_give_the_same_bits(some: list[QueryFacts]):
    for classifier in (SHIPPED, Heuristic()):
        alone = [classifier.score(one) for one in some]
        assert classifier.score_many(some) == alone
        assert [classifier.explain(one).value for one in some] == alone
        assert [classifier.assess(one).value for one in some] == alone
        near = [classifier.is_familiar(one) for one in some]
        assert [classifier.assess(one).familiar for one in some] == near
        assert [classifier.explain(one).familiar for one in some] == near
        effective = [value if known else 1.0 for value, known in zip(alone, near, strict=True)]
        assert classifier.effective_many(some) == effective
        assert all(0.0 <= value <= 1.0 for value in alone)


@pytest.mark.parametrize("text", ODD, ids=lambda text: f"{text[:3]!a}-{len(text)}")
def test_odd_texts_score_like_any_other(classifier: Classifier, text: str):
    facts = QueryFacts(text)
    value = classifier.score(facts)
    assert 0.0 <= value <= 1.0
    assert classifier.score_many([facts]) == [value]
    explained = classifier.explain(facts)
    assert explained.value == value
    explained.sentence.encode("utf-8")


@given(any_facts)
def test_an_explanation_names_six_things_at_most_strongest_first(facts: QueryFacts):
    factors = SHIPPED.explain(facts).factors
    assert len(factors) <= MAX_FACTORS
    sizes = [abs(factor.weight) for factor in factors]
    assert sizes == sorted(sizes, reverse=True)
    assert all(size > 0 and math.isfinite(size) for size in sizes)
    assert len({factor.name for factor in factors}) == len(factors)


def test_an_explanation_names_the_words_that_weigh_most(trained: TrainingReport):
    classifier = load_artifact(trained.directory)
    hard = classifier.explain(QueryFacts("prove a bound for the river by hand engine 3?"))
    raised = {factor.name for factor in hard.factors if factor.weight > 0}
    assert raised & {"word: prove", "words: prove a", "words: a bound", "word: bound", "words: bound for"}
    assert hard.value > classifier.score(QueryFacts("spell the word river by hand engine 3?"))
    assert hard.sentence.startswith("Raised by ")


@given(any_text)
def test_only_a_bounded_part_of_a_text_is_read(text: str):
    assert len(part_of(text * 50).data) <= 4 * READ_CHARS


def test_the_middle_of_a_long_text_changes_nothing_and_both_ends_do():
    half = READ_CHARS // 2
    start, end = "ask " * (half // 4), " end" * (half // 4)
    one, other = QueryFacts(start + "a" * 500_000 + end), QueryFacts(start + "z" * 500_000 + end)
    assert read(one).in_order.tolist() == read(other).in_order.tolist()
    assert SHIPPED.score(one) == SHIPPED.score(other)
    assert b"prove" in part_of("prove " + one.text).data
    assert b"prove" in part_of(one.text + " prove").data


def test_the_whole_length_counts_although_not_all_is_read():
    form = dict(zip(FORM, read(QueryFacts("a" * 1_000_000)).form, strict=True))
    assert form["prompt length"] == pytest.approx(math.log1p(1_000_000), abs=1e-3)


@given(st.text(string.ascii_lowercase + " ", max_size=300))
def test_case_and_full_width_letters_are_the_same_words(text: str):
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != " " else " " for letter in text)
    assert read(QueryFacts(text.upper())).words == read(QueryFacts(text)).words
    assert read(QueryFacts(wide)).words == read(QueryFacts(text)).words


def test_typographic_signs_part_words_as_typed_ones_do():
    typed, set_in_type = '"what\'s this" - or that', "\u201cwhat\u2019s this\u201d \u2014 or that"
    assert read(QueryFacts(typed)).words == read(QueryFacts(set_in_type)).words
    assert SHIPPED.score(QueryFacts(typed)) == SHIPPED.score(QueryFacts(set_in_type))


@given(any_facts)
def test_a_reading_is_distinct_sorted_keys_and_finite_numbers(facts: QueryFacts):
    reading = read(facts)
    keys = reading.keys.tolist()
    assert keys == sorted(set(reading.in_order.tolist()))
    assert len(reading.in_order) == max(2 * len(reading.words) - 1, 0)
    assert len(reading.form) == len(FORM)
    assert all(math.isfinite(value) and value >= 0 for value in reading.form)


def test_the_heuristic_stands_in_where_no_artifact_fits_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    stand_in = default_classifier(tmp_path)
    assert isinstance(stand_in, Heuristic)
    assert "manifest.json" in stand_in.fallback_reason
    assert stand_in.fallback_reason in caplog.text
    plain, hard = QueryFacts("Hi, thanks!"), QueryFacts("Prove that √2 is irrational and derive a bound.")
    assert stand_in.score(plain) < stand_in.default_threshold < stand_in.score(hard)
    assert any("reasoning words" in factor.name for factor in stand_in.explain(hard).factors)
