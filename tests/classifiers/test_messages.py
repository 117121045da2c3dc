"""Training sees a chat as serving sees it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import QueryFacts, default_classifier
from classifiers.errors import RowError
from classifiers.messages import facts_of_messages, facts_of_row
from router.http.messages import facts_of, read_messages

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
parts = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "input_text"]), "text": texts}),
    st.fixed_dictionaries({"text": texts}),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": texts}),
    st.fixed_dictionaries({"type": st.just("image_url"), "image_url": st.just({"url": "data:x"})}),
    st.fixed_dictionaries({"type": st.just("input_image"), "image_url": st.just("https://x.example/y")}),
    st.fixed_dictionaries({"type": st.just("input_audio"), "text": texts}),
    st.fixed_dictionaries({"type": st.just("text"), "text": st.none()}),
)
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
        "content": st.none() | texts | st.lists(parts, max_size=4),
    },
    optional={"tool_calls": st.just([{"id": "1"}])},
)


@given(st.lists(messages, min_size=1, max_size=8), st.sampled_from([[], [{"type": "function"}]]))
def test_facts_of_a_recorded_chat_are_those_that_serving_derives(chat: list[Any], tools: list[Any]):
    raw = json.dumps(chat).encode()
    turns, _ = read_messages(msgspec.Raw(raw), raw)
    serving = facts_of(turns, has_tools=bool(tools))
    row = {"messages": chat, "tools": tools}
    assert facts_of_row(row) == serving
    assert default_classifier().score(facts_of_row(row)) == default_classifier().score(serving)
    assert min(serving.system_chars, serving.history_chars, serving.images) >= 0


@given(texts)
def test_a_bare_query_is_a_chat_of_one_user_turn(text: str):
    chat = [{"role": "user", "content": text}]
    assert facts_of_row({"query": text}) == facts_of_messages(chat) == QueryFacts(text)


def test_the_last_user_turn_is_what_is_scored():
    chat = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url"}]},
        {"role": "assistant", "content": None},
        {"role": "tool", "content": "found"},
    ]
    assert facts_of_messages(chat) == QueryFacts(
        "second", turns=6, system_chars=8, history_chars=len("firstanswerfound"), images=1
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({}, "needs either"),
        ({"query": "a", "messages": []}, "needs either"),
        ({"query": 3}, "needs either"),
        ({"messages": "hello"}, "needs either"),
        ({"messages": []}, "empty"),
        ({"messages": ["hello"]}, r"\[0\] is not an object"),
        ({"messages": [{"role": "user"}, {"content": "x"}]}, r"\[1\] is not an object with a"),
    ],
)
def test_a_row_that_is_no_query_says_what_would_be_right(row: dict[str, Any], says: str):
    with pytest.raises(RowError, match=says):
        facts_of_row(row)
