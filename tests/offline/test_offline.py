"""The offline upstream as clients see it: OpenAI's own client and plain HTTP, against the real process."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bundled.chat import read_chat
from router.offline.example import example_of
from router.offline.process import OfflineProcess
from router.offline.reply import prompt_tokens, reply
from router.pricing.tokens import count_tokens

SMALL, LARGE = "offline/small", "offline/large"
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
        },
    },
}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    upstream = OfflineProcess("--latency-scale", "0")
    yield upstream.start()
    upstream.stop()


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


def post(base_url: str, content: bytes | str, path: str = "/chat/completions") -> httpx.Response:
    return httpx.post(base_url + path, content=content, headers={"content-type": "application/json"})


def test_an_answer_says_that_no_model_answered(client: openai.OpenAI):
    for model in (SMALL, LARGE):
        answer = client.chat.completions.create(model=model, messages=QUESTION)
        text = answer.choices[0].message.content
        assert text is not None
        assert "no model answered" in text
        assert model in text
        assert "What is the capital of France?" in text
        assert answer.model == model
        assert answer.choices[0].finish_reason == "stop"


def test_the_same_question_gets_the_same_answer_and_the_large_one_a_longer_one(client: openai.OpenAI):
    def ask(model: str) -> str:
        answer = client.chat.completions.create(model=model, messages=QUESTION)
        return answer.choices[0].message.content or ""

    assert ask(SMALL) == ask(SMALL)
    assert len(ask(LARGE)) > len(ask(SMALL))


def test_a_longer_question_gets_a_longer_answer(client: openai.OpenAI):
    long: Any = [{"role": "user", "content": "Compare these two clauses in detail. " * 20}]
    for model in (SMALL, LARGE):
        sizes = [
            len(client.chat.completions.create(model=model, messages=asked).choices[0].message.content or "")
            for asked in (QUESTION, long)
        ]
        assert sizes[0] < sizes[1]


def test_usage_is_what_was_said_and_asked(client: openai.OpenAI):
    messages: Any = [{"role": "system", "content": "Be brief."}, *QUESTION]
    answer = client.chat.completions.create(model=SMALL, messages=messages)
    assert answer.usage is not None
    asked = count_tokens("Be brief.") + count_tokens("What is the capital of France?") + 2 * 4
    said = count_tokens(answer.choices[0].message.content or "")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (asked, said)
    assert answer.usage.total_tokens == asked + said


def test_a_stream_says_the_same_in_pieces_with_one_id_and_usage_only_when_asked(client: openai.OpenAI):
    whole = client.chat.completions.create(model=LARGE, messages=QUESTION)
    bare = list(client.chat.completions.create(model=LARGE, messages=QUESTION, stream=True))
    counted = list(
        client.chat.completions.create(
            model=LARGE, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    for chunks in (bare, counted):
        text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert text == whole.choices[0].message.content
        assert len({chunk.id for chunk in chunks}) == 1
        assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["stop"]
    assert len(bare) > 3
    assert not any(chunk.usage for chunk in bare)
    assert counted[-1].usage == whole.usage
    assert counted[-1].choices == []


def test_a_stream_ends_in_done(base_url: str):
    body = json.dumps({"model": SMALL, "messages": QUESTION, "stream": True})
    answer = post(base_url, body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("cap", [1, 7, 20])
def test_a_cap_cuts_an_answer_short_and_says_so(client: openai.OpenAI, field: str, cap: int):
    answer = client.chat.completions.create(model=LARGE, messages=QUESTION, extra_body={field: cap})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= cap


def test_a_cap_that_is_not_reached_changes_nothing(client: openai.OpenAI):
    free = client.chat.completions.create(model=SMALL, messages=QUESTION)
    capped = client.chat.completions.create(model=SMALL, messages=QUESTION, max_tokens=1000)
    assert capped.choices[0].message == free.choices[0].message
    assert capped.choices[0].finish_reason == "stop"


def test_an_answer_ends_before_a_stop_text(client: openai.OpenAI):
    answer = client.chat.completions.create(model=SMALL, messages=QUESTION, stop=["capital", "Pennyroute"])
    text = answer.choices[0].message.content or ""
    assert text
    assert "Pennyroute" not in text
    assert answer.choices[0].finish_reason == "stop"


def test_n_answers_are_n_choices_and_all_are_counted(client: openai.OpenAI):
    answer = client.chat.completions.create(model=SMALL, messages=QUESTION, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage is not None
    said = sum(count_tokens(choice.message.content or "") for choice in answer.choices)
    assert answer.usage.completion_tokens == said
    chunks = client.chat.completions.create(model=SMALL, messages=QUESTION, n=3, stream=True)
    texts = dict.fromkeys(range(3), "")
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert list(texts.values()) == [choice.message.content for choice in answer.choices]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_tool_that_must_be_called_is_called(client: openai.OpenAI, choice: Any):
    answer = client.chat.completions.create(
        model=SMALL, messages=QUESTION, tools=[WEATHER], tool_choice=choice
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "offline", "days": 1}
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None


def test_a_streamed_tool_call_comes_together_to_the_same(client: openai.OpenAI):
    with client.chat.completions.stream(
        model=SMALL, messages=QUESTION, tools=[WEATHER], tool_choice="required"
    ) as stream:
        answer = stream.get_final_completion()
    (call,) = answer.choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments) == {"city": "offline", "days": 1}


def test_tools_that_may_be_called_are_not(client: openai.OpenAI):
    answer = client.chat.completions.create(model=SMALL, messages=QUESTION, tools=[WEATHER])
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"


def test_json_mode_answers_json(client: openai.OpenAI):
    answer = client.chat.completions.create(
        model=LARGE, messages=QUESTION, response_format={"type": "json_object"}
    )
    found = json.loads(answer.choices[0].message.content or "")
    assert found["model_answered"] is False


def test_a_schema_is_met(client: openai.OpenAI):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    answer = client.chat.completions.create(
        model=LARGE,
        messages=QUESTION,
        response_format={"type": "json_schema", "json_schema": {"name": "ok", "schema": schema}},
    )
    assert json.loads(answer.choices[0].message.content or "") == {"ok": False}


def test_models_are_listed(client: openai.OpenAI):
    assert [model.id for model in client.models.list()] == [SMALL, LARGE]


async def test_many_are_answered_at_once(base_url: str):
    async with openai.AsyncOpenAI(base_url=base_url, api_key="any") as client:
        answers = await asyncio.gather(
            *(client.chat.completions.create(model=SMALL, messages=QUESTION) for _ in range(40))
        )
    assert len({answer.id for answer in answers}) == 40


def test_an_unknown_model_is_404_and_says_which_there_are(client: openai.OpenAI):
    with pytest.raises(openai.NotFoundError, match="offline/large") as caught:
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


BAD = {
    "nothing": (b"", None),
    "not json": (b"{", None),
    "not utf-8": (b'{"model": "\xff"}', None),
    "a list": (b"[]", None),
    "NaN": (b'{"model": NaN}', None),
    "deeper than anybody reads": (b"[" * 100_000, None),
    "no model": (b'{"messages": [{"role": "user", "content": "x"}]}', "model"),
    "no messages": (b'{"model": "offline/small"}', "messages"),
    "empty messages": (b'{"model": "offline/small", "messages": []}', "messages"),
    "a message that is a text": (b'{"model": "offline/small", "messages": ["x"]}', "messages[0]"),
    "an unknown role": (
        b'{"model": "offline/small", "messages": [{"role": "king", "content": "x"}]}',
        "messages[0].role",
    ),
    "content that is a number": (
        b'{"model": "offline/small", "messages": [{"role": "user", "content": 1}]}',
        "messages[0].content",
    ),
    "a text part without text": (
        b'{"model": "offline/small", "messages": [{"role": "user", "content": [{"type": "text"}]}]}',
        "messages[0].content",
    ),
}


@pytest.mark.parametrize(("content", "param"), BAD.values(), ids=BAD)
def test_a_malformed_body_is_400_in_openais_form(base_url: str, content: bytes, param: str | None):
    answer = post(base_url, content)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", -1),
        ("max_tokens", "10"),
        ("max_tokens", True),
        ("max_completion_tokens", 0),
        ("n", 0),
        ("n", 10_000),
        ("n", 1.5),
        ("stream", "yes"),
        ("stop", 7),
        ("stop", ["a"] * 5),
        ("tools", {}),
        ("tools", [{"type": "function"}]),
        ("tool_choice", "required"),
        ("tool_choice", "sometimes"),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_schema"}),
        ("response_format", "json"),
    ],
)
def test_a_field_out_of_range_is_400_and_named(base_url: str, field: str, value: object):
    answer = post(base_url, json.dumps({"model": SMALL, "messages": QUESTION, field: value}))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(field)


def test_null_is_the_same_as_not_there(base_url: str):
    fields = (
        "max_tokens",
        "n",
        "stream",
        "stop",
        "tools",
        "tool_choice",
        "response_format",
        "stream_options",
    )
    answer = post(base_url, json.dumps({"model": SMALL, "messages": QUESTION, **dict.fromkeys(fields)}))
    assert answer.status_code == 200


def test_other_paths_and_methods_say_what_there_is(base_url: str):
    assert post(base_url, b"{}", "/completions").status_code == 404
    assert httpx.get(base_url + "/chat/completions").status_code == 405
    assert httpx.get(base_url + "/chat/completions").json()["error"]["code"] == "method_not_allowed"


def test_half_characters_come_back_as_whole_ones(base_url: str):
    message = {"role": "user", "content": "\ud800 and \x00 too"}
    answer = post(base_url, json.dumps({"model": SMALL, "messages": [message]}))
    assert answer.status_code == 200
    answer.json()["choices"][0]["message"]["content"].encode("utf-8")


def test_pictures_count(base_url: str):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = {"type": "text", "text": "What is this?"}
    usages = [
        post(base_url, json.dumps({"model": LARGE, "messages": [{"role": "user", "content": parts}]})).json()
        for parts in ([text], [text, picture])
    ]
    assert usages[1]["usage"]["prompt_tokens"] == usages[0]["usage"]["prompt_tokens"] + 85


def test_a_client_that_leaves_midway_harms_nobody(base_url: str):
    body = {"model": LARGE, "messages": QUESTION, "stream": True}
    for _ in range(5):
        with httpx.stream("POST", base_url + "/chat/completions", json=body) as answer:
            next(answer.iter_raw())
    assert post(base_url, json.dumps({"model": SMALL, "messages": QUESTION})).status_code == 200


@given(st.text(), st.sampled_from([SMALL, LARGE]), st.integers(1, 60) | st.none(), st.integers(1, 3))
def test_whatever_is_asked_the_answer_keeps_to_its_cap(text: str, model: str, cap: int | None, choices: int):
    body = {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "n": choices,
        **({} if cap is None else {"max_tokens": cap}),
    }
    chat = read_chat(json.dumps(body).encode())
    assert prompt_tokens(chat) >= 4
    for index in range(choices):
        said = reply(chat, index)
        assert said.text is not None
        assert said.tokens == count_tokens(said.text)
        assert cap is None or said.tokens <= cap
        assert said.finish_reason == (
            "length" if cap is not None and said.text != _whole(chat, index) else "stop"
        )


def _whole(chat: Any, index: int) -> str | None:
    from dataclasses import replace

    return reply(replace(chat, cap=None), index).text


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({}, {}),
        ({"type": "string", "minLength": 9}, "offline.."),
        ({"type": ["number", "null"], "minimum": 0.5}, 0.5),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 3}, 3),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}, 0),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": []}, {}),
        ({"type": "unheard-of"}, None),
        ({"type": {"of": "nothing"}}, None),
    ],
)
def test_a_schemas_plainest_instance(schema: Any, instance: object):
    assert example_of(schema) == instance


def test_a_schema_that_needs_itself_ends_somewhere():
    schema: Any = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert json.dumps(example_of(schema)).count("a") < 50
    assert example_of({"$ref": "#"}) == {}
