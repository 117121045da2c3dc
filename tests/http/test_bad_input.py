"""Bad input: a clear error in OpenAI's body, nothing called, nothing charged, and the service goes on."""

import http.client
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from router.errors import InvalidRequest
from router.http.complete_body import CompleteBody
from router.http.json_body import read_json
from tests.http.config import ask, chat
from tests.http.wire import error_of
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

JSON = {"content-type": "application/json"}
PATHS = ("/complete", "/v1/chat/completions")
CHAT = "/v1/chat/completions"


@pytest.fixture(autouse=True)
def nothing_happened(service: Service, client: httpx.Client, upstream: OpenAIWire) -> Iterator[None]:
    """After each test here: nobody was called, nothing was charged or is held, and the service is well."""
    before = service.settled()
    yield
    assert upstream.seen == []
    assert service.ledger() == before
    assert client.post("/complete", json=ask(dry_run=True)).status_code == 200


def refused(client: httpx.Client, path: str, body: object, *said: str, status: int = 400) -> dict[str, Any]:
    """The error, which must say all of `said` and must not be worth a retry."""
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    response = client.post(path, content=content, headers=JSON)
    error = error_of(response, status)
    assert response.headers["x-should-retry"] == "false"
    for words in said:
        assert words in error["message"], error
    assert len(response.text) < 2_000
    return error


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", ["", " \n\t "])
def test_an_empty_body_is_said_to_be_empty(client: httpx.Client, path: str, body: str) -> None:
    refused(client, path, body, "the body is empty", "a JSON object is expected")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("hello", "not JSON"),
        ('{"query": "x"', "not JSON"),
        ('{"query": "x",}', "line 1 column"),
        ("{'query': 'x'}", "line 1 column 2"),
        ('{"query": NaN}', "JSON"),
        ('{"query": "x"} {"query": "y"}', "JSON"),
        ('{"query": "a\nb"}', "JSON"),
        (b'{"query": "\xff\xfe"}', "UTF-8"),
        (b"\x00\x01\x02", "JSON"),
    ],
)
def test_what_is_not_json_is_told_with_its_place(
    client: httpx.Client, path: str, body: str | bytes, said: str
) -> None:
    raw = body if isinstance(body, bytes) else body.encode()
    if path == CHAT:
        raw = raw.replace(b'{"query": ', b'{"model": "auto", "messages": [{"role": "user"}], "x": ')
    refused(client, path, raw, said)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", ["[]", '"text"', "null", "12", "true"])
def test_json_that_is_no_object_is_refused(client: httpx.Client, path: str, body: str) -> None:
    refused(client, path, body, "expected", "object")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("query", 5, "expected a string"),
        ("query", ["x"], "expected a string"),
        ("route", 5, "expected a string"),
        ("stream", "yes", "expected true or false"),
        ("dry_run", 1, "expected true or false"),
        ("temperature", "hot", "expected a number"),
        ("temperature", 3, "from 0 to 2"),
        ("temperature", -0.1, "from 0 to 2"),
        ("max_output_tokens", "many", "expected a whole number"),
        ("max_output_tokens", 1.5, "expected a whole number"),
        ("tier", "medium", "small or large"),
        ("tier", 1, "expected a string"),
        ("metadata", "team", "expected an object"),
        ("metadata", [], "expected an object"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_in_complete(
    client: httpx.Client, field: str, value: object, said: str
) -> None:
    error = refused(client, "/complete", ask() | {field: value}, said)
    assert error["param"] == field


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("model", 5, "expected a string"),
        ("model", None, "expected a string"),
        ("messages", "hello", "expected a list"),
        ("messages", {}, "expected a list"),
        ("messages", None, "expected a list"),
        ("messages", ["hello"], "expected an object"),
        ("messages", [{"content": "x"}], "role"),
        ("messages", [{"role": 5, "content": "x"}], "expected a string"),
        ("messages", [{"role": "user", "content": 5}], "content"),
        ("messages", [{"role": "user", "content": [5]}], "content"),
        ("messages", [], "at least one message"),
        ("stream", "yes", "expected true or false"),
        ("n", 0, "from 1 to"),
        ("n", 1000, "from 1 to"),
        ("n", "two", "expected a whole number"),
        ("max_tokens", 2.5, "expected a whole number"),
        ("stream_options", 5, "expected an object"),
        ("metadata", 5, "expected an object"),
    ],
)
def test_a_field_of_the_wrong_type_is_named_in_chat(
    client: httpx.Client, field: str, value: object, said: str
) -> None:
    error = refused(client, CHAT, chat() | {field: value}, said)
    assert error["param"].startswith(field)


@pytest.mark.parametrize(
    "messages",
    ["hello", {}, None, [], ["x"], [{"content": "x"}], [{"role": "user", "content": 5}]],
)
def test_messages_that_are_none_are_refused_in_complete(client: httpx.Client, messages: object) -> None:
    refused(client, "/complete", {"messages": messages}, "messages")


def test_a_missing_field_is_named(client: httpx.Client) -> None:
    refused(client, CHAT, {"messages": [{"role": "user", "content": "x"}]}, "model")
    refused(client, CHAT, {"model": "auto"}, "messages")


def test_both_query_and_messages_are_refused(client: httpx.Client) -> None:
    body = ask() | {"messages": [{"role": "user", "content": "x"}]}
    refused(client, "/complete", body, "one of query and messages", "both")


@pytest.mark.parametrize("body", [{}, {"query": None}, {"route": "default"}])
def test_neither_query_nor_messages_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    refused(client, "/complete", body, "one of query and messages", "neither")


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_query_is_refused(client: httpx.Client, text: str) -> None:
    refused(client, "/complete", {"query": text}, "query", "empty")


def test_an_unknown_route_is_404_with_a_suggestion(client: httpx.Client) -> None:
    error = refused(client, "/complete", ask(route="capt"), "'capt'", 'did you mean "capped"?', status=404)
    assert (error["code"], error["param"]) == ("route_not_found", "route")
    refused(client, "/complete", ask(route="zzzzzz"), "there are:", "default", status=404)


def test_a_models_name_is_no_route(client: httpx.Client) -> None:
    refused(client, "/complete", ask(route="tiny"), "'tiny'", status=404)


def test_an_unknown_field_of_complete_is_refused_with_a_suggestion(client: httpx.Client) -> None:
    error = refused(client, "/complete", ask() | {"max_output_token": 5}, 'did you mean "max_output_tokens"?')
    assert error["param"] == "max_output_token"
    refused(client, "/complete", ask() | {"zzz": 5}, "'zzz'", "it takes: query, messages, route")


@pytest.mark.parametrize("cap", [0, -1, -(2**63), 2**63, 10**30, 10_000_001])
def test_an_absurd_output_cap_is_refused(client: httpx.Client, cap: int) -> None:
    refused(client, "/complete", ask(max_output_tokens=cap), "max_output_tokens")
    for name in ("max_tokens", "max_completion_tokens"):
        refused(client, CHAT, chat() | {name: cap}, name)


@pytest.mark.parametrize("path", PATHS)
def test_a_nul_in_the_text_is_refused(client: httpx.Client, path: str) -> None:
    body = ask("a\0b") if path == "/complete" else chat("a\0b")
    refused(client, path, body, "NUL")
    parts = [{"role": "user", "content": [{"type": "text", "text": "a\0b"}]}]
    refused(client, path, {"messages": parts} | ({} if path == "/complete" else {"model": "auto"}), "NUL")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", [r"\ud800", r"a\udfffb", r"\ud83d\ud83d"])
def test_a_lone_surrogate_is_refused(client: httpx.Client, path: str, text: str) -> None:
    body = (
        '{"query": "%s"}'
        if path == "/complete"
        else '{"model":"auto","messages":[{"role":"user","content":"%s"}]}'
    )
    refused(client, path, body % text, "surrogate")


@pytest.mark.parametrize("path", PATHS)
def test_a_lone_surrogate_is_refused_beside_a_number_that_is_too_long_to_read(
    client: httpx.Client, path: str
) -> None:
    refused(client, path, r'{"query": "\ud800", "model": "\ud800", "x": %s}' % ("1" * 5000), "surrogate")


@pytest.mark.parametrize("path", PATHS)
def test_a_surrogate_in_any_other_field_does_not_pass_either(client: httpx.Client, path: str) -> None:
    body = r'{"query": "x", "metadata": {"team": "\ud800"}}'
    if path == CHAT:
        body = r'{"model":"auto","messages":[{"role":"user","content":"x"}],"metadata":{"team":"\ud800"}}'
    refused(client, path, body, "surrogate")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_50_mb_gets_its_answer_and_not_a_broken_pipe(client: httpx.Client, path: str) -> None:
    content = b'{"query": "' + b"x" * 50_000_000 + b'"}'
    error = refused(client, path, content, "20971520", "server.max_body_bytes", status=413)
    assert error["code"] == "request_too_large"


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_50_mb_in_chunks_gets_its_answer_too(client: httpx.Client, path: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"query": "'
        for _ in range(50):
            yield b"x" * 1_000_000

    error_of(client.post(path, content=pieces(), headers=JSON), 413, "request_too_large")


def test_a_large_body_for_a_small_endpoint_is_refused(client: httpx.Client) -> None:
    response = client.put("/v1/routes/default/threshold", content=b"x" * 1_000_000, headers=JSON)
    error_of(response, 413, "request_too_large")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("depth", [1_000, 100_000, 5_000_000])
def test_deep_nesting_is_refused_and_not_followed(client: httpx.Client, path: str, depth: int) -> None:
    body = '{"messages": ' + "[" * depth + "]" * depth + ', "model": "auto"}'
    if path == "/complete":
        body = body.replace(', "model": "auto"', "")
    refused(client, path, body)


def test_deep_nesting_in_a_field_nobody_reads_is_refused_or_passed_on_but_never_a_500(
    client: httpx.Client,
) -> None:
    depth = 100_000
    body = json.dumps(chat(model="none-such"))[:-1] + ', "deep": ' + "[" * depth + "]" * depth + "}"
    response = client.post(CHAT, content=body, headers=JSON)
    assert response.status_code in (400, 404)
    metadata = json.dumps(ask())[:-1] + ', "metadata": {"a": ' + "[" * depth + "]" * depth + "}}"
    refused(client, "/complete", metadata)


@pytest.mark.parametrize("path", PATHS)
def test_too_many_messages_are_refused(client: httpx.Client, path: str) -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}] * 10_001}
    if path == CHAT:
        body["model"] = "auto"
    refused(client, path, body, "10000")


def test_of_a_key_that_comes_twice_the_last_counts(client: httpx.Client) -> None:
    body = '{"query": 5, "dry_run": false, "query": "What is the capital of France?", "dry_run": true}'
    refused(client, "/complete", body, "expected a string")
    body = body.replace("5", '"Prove it."')
    found = client.post("/complete", content=body, headers=JSON).json()
    assert found["output"] is None


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"team": "a\nb"}, "control characters"),
        ({"team": "a\u2028b"}, "control characters"),
        ({"team": "x" * 129}, "at most 128"),
        ({"team": 5}, "expected a string"),
        ({"note": "x" * 513}, "at most 512"),
        ({"note": None}, "expected a string"),
        ({"note": {"a": 1}}, "expected a string"),
        ({"": "x"}, "1 to 64"),
        ({"x" * 65: "x"}, "1 to 64"),
        ({f"n{at}": "x" for at in range(17)}, "at most 16"),
    ],
)
def test_metadata_is_bounded_and_printable(client: httpx.Client, metadata: object, said: str) -> None:
    error = refused(client, "/complete", ask(metadata=metadata), said)
    assert error["param"].startswith("metadata")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [b"a\tb", b"\xc2\x85", b"x" * 129, b"\x85"])
def test_control_characters_in_a_label_header_are_refused(
    client: httpx.Client, path: str, value: bytes
) -> None:
    body = ask() if path == "/complete" else chat()
    headers = [(b"content-type", b"application/json"), (b"x-pennyroute-team", value)]
    error_of(client.post(path, content=json.dumps(body), headers=headers), 400)


def test_raw_control_bytes_in_a_header_break_nothing(service: Service) -> None:
    host, _, port = service.url.removeprefix("http://").partition(":")
    for line in (b"x-pennyroute-team: a\x00b\r\n", b"x-pennyroute-team: a\x7fb\r\n", b"bad header\r\n"):
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.connect()
        body = json.dumps(ask()).encode()
        head = b"POST /complete HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        connection.sock.sendall(head + line + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.sock.recv(64).startswith(b"HTTP/1.1 400")
        connection.close()


def test_very_long_names_are_shown_short(client: httpx.Client) -> None:
    long = "r" * 100_000
    refused(client, "/complete", ask(route=long), "…", status=404)
    refused(client, CHAT, chat(model=long), "…", status=404)
    refused(client, "/complete", ask(tier=long), "small or large")
    refused(client, "/complete", ask() | {long: 1}, "unknown field")
    refused(client, "/complete", ask(metadata={long: "x"}))
    refused(client, "/complete", ask() | {f"a\n{long}": 1}, "unknown field")


def test_a_suggestion_for_a_name_of_a_megabyte_is_sought_for_its_beginning_only() -> None:
    raw = b'{"%s": 1}' % (b"max_output_token" + b"s_token" * 150_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match="unknown field"):
            read_json(raw, msgspec.json.Decoder(CompleteBody), CompleteBody.__struct_fields__)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(raw)  # comparing all of it would take an entry for each of its characters


@pytest.mark.parametrize("name", ["\n", "a\x1b[31mb", "\x7f", "<script>alert(1)</script>", "ünïcode-🙂"])
def test_odd_names_are_shown_safely(client: httpx.Client, name: str) -> None:
    error = refused(client, "/complete", ask(route=name), "not configured", status=404)
    assert "\x1b" not in error["message"]
    refused(client, CHAT, chat(model=name), status=404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/complete", "POST"),
        ("PUT", "/complete", "POST"),
        ("DELETE", "/v1/chat/completions", "POST"),
        ("GET", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/routes/default/threshold", "GET"),
        ("POST", "/healthz", "GET"),
        ("PATCH", "/metrics", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_is_right(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    response = client.request(
        method, path, headers=JSON, content=None if method in ("GET", "DELETE") else "{}"
    )
    error_of(response, 405, "method_not_allowed")
    assert allowed in response.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/complete/", "/v1", "/v1/completions", "/v1/decisions", "/../etc/passwd", "/%00"]
)
def test_an_unknown_path_is_404_and_points_to_the_docs(client: httpx.Client, path: str) -> None:
    assert "/docs" in error_of(client.get(path), 404, "not_found")["message"]
    error_of(client.post(path, json={}), 404, "not_found")


@pytest.mark.parametrize("id_", ["dec_" + "0" * 26, "dec_x", "x", "%00", "dec_" + "0" * 5000, "..%2F..%2Fx"])
def test_a_decision_that_is_not_there_is_404(client: httpx.Client, id_: str) -> None:
    error_of(client.get(f"/v1/decisions/{id_}"), 404)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "nonsense"])
def test_a_compressed_body_is_refused(client: httpx.Client, path: str, encoding: str) -> None:
    headers = JSON | {"content-encoding": encoding}
    error = error_of(client.post(path, content=b"\x1f\x8b", headers=headers), 400)
    assert "compressed" in error["message"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_a_write_that_is_not_json_by_its_type_is_415(
    client: httpx.Client, path: str, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    response = client.post(path, content=json.dumps(ask()), headers=headers)
    assert "application/json" in error_of(response, 415, "unsupported_media_type")["message"]


def test_a_charset_beside_the_content_type_is_fine(client: httpx.Client) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    response = client.post("/complete", content=json.dumps(ask(dry_run=True)), headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("length", ["abc", "-5", "1e3", "99999999999999999999"])
def test_an_impossible_content_length_is_refused(service: Service, length: str) -> None:
    host, _, port = service.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.putrequest("POST", "/complete")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", length)
    connection.endheaders()
    assert connection.getresponse().status in (400, 413)
    connection.close()


def test_unicode_of_every_kind_is_taken(client: httpx.Client) -> None:
    text = "名前は? \u202eright to left\u202c 🙂 e\u0301 \ufeff \U0001f468\u200d\U0001f469\u200d\U0001f467"
    body = ask(text, dry_run=True, metadata={"team": "équipe 🙂", "user": "名前"})
    assert client.post("/complete", json=body).status_code == 200


def test_a_megabyte_of_one_word_is_decided_on(client: httpx.Client) -> None:
    response = client.post("/complete", json=ask("word" * 250_000, dry_run=True))
    assert response.status_code in (200, 413)


def test_an_error_does_not_echo_the_query(client: httpx.Client) -> None:
    body = '{"query": "my secret codeword is xylophone", "oops": 1}'
    response = client.post("/complete", content=body, headers=JSON)
    assert "xylophone" not in response.text
    response = client.post("/complete", content=body[:-1], headers=JSON)
    assert "xylophone" not in response.text


def test_the_log_has_no_traceback_of_what_a_caller_did_wrong(service: Service) -> None:
    assert "Traceback" not in service.said
    assert "xylophone" not in service.said
