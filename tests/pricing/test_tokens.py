import argparse
import inspect
import json
from importlib.util import find_spec
from pathlib import Path
from pydoc_data.topics import topics
from statistics import median

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from router.pricing.tokens import (
    IMAGE_MAX_TOKENS,
    _hundredths_any,
    _hundredths_ascii,
    bound_tokens,
    count_tokens,
)

ENGLISH = [text for text in topics.values() if len(text) > 300]
JSON = json.dumps(
    [{"id": i, "name": f"user {i}", "tags": ["a", "b"], "ok": True} for i in range(50)], indent=2
)
OTHERS = {
    "Chinese": "请用三句话总结下面的会议记录,并列出每个人需要完成的任务和截止日期。如果没有写明日期,请注明未定。",
    "Japanese": "次の契約書を読み、解除条件と損害賠償の上限を箇条書きで説明してください。",
    "Russian": "Пожалуйста, прочитайте это письмо клиента и предложите вежливый ответ с указанием сроков.",  # noqa: RUF001 - Cyrillic is meant
    "German": "Bitte fassen Sie das folgende Protokoll zusammen und nennen Sie alle offenen Aufgaben mit Fristen.",
}
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates and NUL too


@pytest.fixture(scope="module")
def encodings() -> list[tiktoken.Encoding]:
    """OpenAI's tokenizers from the files that litellm carries, so that nothing is fetched."""
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "TIKTOKEN_CACHE_DIR", str(Path(spec.origin).parent / "litellm_core_utils" / "tokenizers")
        )
        return [tiktoken.get_encoding(name) for name in ("cl100k_base", "o200k_base")]


@pytest.fixture(params=[0, 1], ids=["cl100k", "o200k"])
def encoding(request: pytest.FixtureRequest, encodings: list[tiktoken.Encoding]) -> tiktoken.Encoding:
    return encodings[request.param]


def off_by(text: str, encoding: tiktoken.Encoding) -> float:
    return count_tokens(text) / len(encoding.encode(text, disallowed_special=())) - 1


def test_english_prose_is_within_the_stated_error(encoding: tiktoken.Encoding):
    errors = sorted(abs(off_by(text, encoding)) for text in ENGLISH)
    assert len(errors) > 50
    assert median(errors) <= 0.06
    assert errors[int(len(errors) * 0.95)] <= 0.18


@pytest.mark.parametrize("text", [inspect.getsource(argparse), JSON], ids=["Python", "JSON"])
def test_code_and_json_are_within_an_eighth(text: str, encoding: tiktoken.Encoding):
    assert abs(off_by(text, encoding)) <= 0.13


@pytest.mark.parametrize("language", OTHERS)
def test_other_languages_are_of_the_right_size(language: str, encoding: tiktoken.Encoding):
    assert -0.35 <= off_by(OTHERS[language], encoding) <= 0.85


def test_a_long_text_is_judged_by_slices_as_well_as_by_the_whole(encoding: tiktoken.Encoding):
    text = " ".join(ENGLISH)
    assert len(text) > 131_072
    assert abs(off_by(text, encoding)) <= 0.05


@given(ANY_TEXT)
def test_a_text_counts_at_least_one_token_and_at_most_its_bytes(text: str):
    size = len(text.encode("utf-8", "surrogatepass"))
    assert (1 if text else 0) <= count_tokens(text) <= size


@given(text=st.text(max_size=300))
def test_no_tokenizer_exceeds_the_bound(encodings: list[tiktoken.Encoding], text: str):
    for each in encodings:
        assert len(each.encode(text, disallowed_special=())) <= bound_tokens(len(text.encode()), 0, 0)


def test_the_bound_is_bytes_and_sixteen_a_message_and_the_most_a_picture_can_be():
    assert bound_tokens(1_000, 3, 2) == 1_000 + 48 + 2 * IMAGE_MAX_TOKENS
    assert bound_tokens(1_000, 3, 2, image_max_tokens=100) == 1_248


@pytest.mark.parametrize("sizes", [(-1, 0, 0), (0, -1, 0), (0, 0, -1)])
def test_a_negative_size_is_refused(sizes: tuple[int, int, int]):
    with pytest.raises(ValueError, match="negative"):
        bound_tokens(*sizes)


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=400))
def test_the_quick_way_for_ascii_counts_as_the_patterns_do(text: str):
    assert _hundredths_ascii(text.encode()) == _hundredths_any(text)
