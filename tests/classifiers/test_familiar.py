"""What is far from anything learned is said to be; plain short queries, typos and appended noise are not far."""

import base64
import json
import random
from pathlib import Path

import numpy as np
import pytest

from classifiers import QueryFacts, default_classifier, load_artifact
from classifiers.familiarity import Familiarity
from classifiers.folds import source_folds
from classifiers.heads import matrix_of
from classifiers.train import Choice, TrainingReport, train
from tests.classifiers.outcome_rows import rows, written

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


def test_out_of_fold_a_row_is_unfamiliar_only_where_serving_would_say_so():
    found = Familiarity(share=np.array([0.2, 0.2, 0.2, 0.6]), told=np.array([True, False, True, True]))
    assert found.unfamiliar(0.5, trust=np.array([0.0, 0.0, 0.1, 0.0])).tolist() == [True, False, False, False]


def test_of_a_file_left_out_training_says_what_serving_would(tmp_path: Path):
    strange = rows(60, seed=2)
    for at, row in enumerate(strange):
        row["query"] = gibberish(12, at) if at % 3 else row["query"]
    plain = rows(300)
    train([written(tmp_path / "plain.jsonl", plain)], tmp_path / "one", choice=Choice(prior=None))
    served = load_artifact(tmp_path / "one")
    facts = [QueryFacts(str(row["query"])) for row in (*plain, *strange)]
    folds = source_folds(["plain"] * 300 + ["strange"] * 60, np.arange(360))
    assert folds is not None
    found = Familiarity.of(facts, matrix_of(facts), folds, None)
    unfamiliar = found.unfamiliar(served.familiar_from, trust=np.zeros(360))[300:]
    assert unfamiliar.tolist() == [not served.is_familiar(one) for one in facts[300:]]
    assert unfamiliar.sum() == 40
