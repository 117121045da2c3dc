"""What training never saw weighs nothing: words, pairs, and facts that were the same in every row."""

from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from classifiers import QueryFacts, default_classifier
from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED
from classifiers.features import FORM, FREE, Reading, bucket_of, read, silent_keys, tag_of
from classifiers.heads import fit, matrix_of
from classifiers.model import LearnedClassifier

CONVERSATION = {
    "many turns": {"turns": 9},
    "long system prompt": {"system_chars": 5_000},
    "long history": {"history_chars": 50_000},
    "has tools": {"has_tools": True},
    "has images": {"images": 3},
}
CLASSIFIER = read_artifact(SHIPPED).classifier
consonants = st.text("bcdfghjkqvwxz", min_size=9, max_size=9)


def known(classifier: LearnedClassifier, reading: Reading) -> int:
    table = classifier.model.weights.table
    return int((table[bucket_of(reading.keys), -1] == tag_of(reading.keys)).sum())


@given(st.lists(consonants, min_size=2, max_size=2, unique=True))
def test_a_word_never_seen_moves_nothing_whatever_word_it_is(words: list[str]):
    shipped = CLASSIFIER
    one, other = (QueryFacts(f"what is the {word} of it") for word in words)
    readings = read(one), read(other)
    rest = known(shipped, read(QueryFacts("what is the"))) + known(shipped, read(QueryFacts("of it")))
    assume(
        [known(shipped, reading) for reading in readings] == [rest, rest]
    )  # 1 in 10,000 is taken for known
    assert shipped.raw(one) == shipped.raw(other)


def test_hardly_any_made_up_word_is_taken_for_a_known_one():
    shipped = read_artifact(SHIPPED).classifier
    draw = np.random.default_rng(0)
    words = ["".join(draw.choice(list("bcdfghjkqvwxz"), 12)) for _ in range(2_000)]
    reading = read(QueryFacts(" ".join(words)[:8_000]))
    assert known(shipped, reading) <= 2


def test_gibberish_gets_the_score_of_its_form_alone():
    shipped = read_artifact(SHIPPED).classifier
    one, other = QueryFacts("zqxv kjwb vvqz"), QueryFacts("wqzk jxvq bbzk")
    assert shipped.raw(one) == shipped.raw(other)
    assert not any(factor.name.startswith("word") for factor in shipped.explain(one).factors)


@given(st.text(max_size=200), st.sampled_from(sorted(CONVERSATION)))
def test_facts_that_never_varied_in_training_move_no_bit_of_a_score(text: str, name: str):
    shipped = default_classifier()
    plain = QueryFacts(text)
    moved = replace(plain, **CONVERSATION[name])
    assert shipped.explain(moved) == shipped.explain(plain)


def test_the_manifest_lists_the_form_features_that_never_varied_and_they_weigh_zero():
    artifact = read_artifact(SHIPPED)
    never = artifact.manifest["never_varied"]
    assert set(CONVERSATION) <= set(never)
    weights = artifact.classifier.model.weights
    places = [FORM.index(name) for name in never]
    assert not weights.form_weights[:, places].any()
    assert not weights.prior_form[places].any()


def test_a_fact_that_did_vary_does_weigh():
    texts = [f"tell me of {number % 7} things" for number in range(80)]
    facts = [QueryFacts(text, images=at % 2) for at, text in enumerate(texts)]
    small = np.array([1.0 - at % 2 for at in range(80)])
    fitted = fit(matrix_of(facts), small, np.ones(80), seed=0)
    assert fitted.channels["gap"].form[FREE, FORM.index("has images")] > 0
    assert fitted.channels["gap"].form[FREE, FORM.index("has tools")] == 0
    assert fitted.channels["hand"].form[FREE, FORM.index("has tools")] == 0


def test_a_word_seen_in_one_query_only_weighs_nothing():
    facts = [QueryFacts(f"common words here {'once' if at == 3 else 'often'}") for at in range(60)]
    fitted = fit(matrix_of(facts), np.arange(60) % 2, np.ones(60), seed=0)
    once = read(QueryFacts("once")).keys
    assert not np.isin(once, fitted.keys[fitted.known]).any()


def test_talk_about_models_and_politeness_weighs_nothing():
    shipped = read_artifact(SHIPPED).classifier
    table = shipped.model.weights.table
    assert not (table[bucket_of(silent_keys()), -1] == tag_of(silent_keys())).any()


def test_no_two_words_share_a_bucket_in_a_fit():
    texts = [f"w{at % 900} v{(at * 7) % 900} u{at % 31}" for at in range(3_000)]
    fitted = fit(
        matrix_of([QueryFacts(text) for text in texts]), np.arange(3_000) % 2, np.ones(3_000), seed=0
    )
    buckets = bucket_of(fitted.keys[fitted.known])
    assert len(np.unique(buckets)) == len(buckets) > 500
