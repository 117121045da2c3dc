"""What is far from anything learned is said to be; plain short queries, typos and appended noise are not far."""

import base64
import json
import random
from pathlib import Path

import pytest

from classifiers import QueryFacts, default_classifier, load_artifact
from classifiers.train import TrainingReport

SHIPPED = default_classifier()
PROMPTS = Path(__file__).parents[2] / "benchmarks" / "classifier_everyday.jsonl"
EVERYDAY = [json.loads(line)["query"] for line in PROMPTS.read_text(encoding="utf-8").splitlines()]


def gibberish(words: int, seed: int) -> str:
    draw = random.Random(seed)
    return " ".join(
        "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(4, 10))) for _ in range(words)
    )


@pytest.mark.parametrize(
    "text", ["", "hi", "Thanks!", "?!", "What is the capital of France?", "42 + 17 = ?", "ok 👍"]
)
def test_short_plain_queries_are_familiar(text: str):
    assert SHIPPED.is_familiar(QueryFacts(text))


def test_everyday_prompts_are_familiar_and_stay_so_with_noise_behind_them():
    assert all(SHIPPED.is_familiar(QueryFacts(text)) for text in EVERYDAY)
    noisy = [QueryFacts(f"{text} {gibberish(5, at)}") for at, text in enumerate(EVERYDAY)]
    assert sum(map(SHIPPED.is_familiar, noisy)) >= 0.95 * len(noisy)


@pytest.mark.parametrize(
    "text",
    [
        "请给我解释一下为什么天空是蓝色的。并且给出一个简单的例子。",
        "Объясни, пожалуйста, почему небо голубое, и приведи простой пример из жизни.",
        "私たちはなぜ夢を見るのですか。簡単に説明してください。",
        "Ich hätte gerne gewusst, warum der Himmel tagsüber blau erscheint und abends rötlich wird.",
        base64.b64encode(random.Random(3).randbytes(600)).decode(),
        gibberish(12, 1),
        gibberish(80, 2),
    ],
)
def test_other_scripts_and_languages_blobs_and_gibberish_are_not_familiar(text: str):
    facts = QueryFacts(text)
    assert not SHIPPED.is_familiar(facts)
    assert SHIPPED.effective_many([facts]) == [1.0]
    assert not SHIPPED.assess(facts).familiar
    assert SHIPPED.score(facts) < 1.0


def test_a_vocabulary_knows_the_words_of_its_rows_only(trained: TrainingReport):
    classifier = load_artifact(trained.directory)
    assert classifier.familiarity(QueryFacts("spell the word river by hand 7")) == 1.0
    assert classifier.familiarity(QueryFacts("zqxv kjwb vvqz")) == 0.0
    assert classifier.familiarity(QueryFacts("river candle zqxv kjwb")) == 1.0  # its better half
    assert classifier.familiarity(QueryFacts("?!")) == 1.0
