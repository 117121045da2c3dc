"""Who may call, from where, and what nobody is told."""

import asyncio
import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from router.store.connection import Store
from tests.http.config import CONFIG, KEY, ask, chat
from tests.http.wire import error_of
from tests.service import Service
from tests.store.servers import StoreServer
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
EVERY = [
    ("POST", "/complete"),
    ("POST", CHAT),
    ("GET", "/complete"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/auto"),
    ("GET", "/v1/decisions/dec_00000000000000000000000000"),
    ("GET", "/v1/routes/default/threshold"),
    ("GET", "/v1/routes/default/threshold/history"),
    ("PUT", "/v1/routes/default/threshold"),
    ("GET", "/v1/routes/default/watch"),
    ("GET", "/v1/outcomes"),
    ("POST", "/v1/outcomes"),
    ("GET", "/v1/reports/routes"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/nothing-here"),
]


@pytest.fixture(scope="module")
def locked(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Locked"]:
    """A service with keys: `admin`, `call`, and another `other` that may call."""
    folder = tmp_path_factory.mktemp("locked")
    service = Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY})
    with service:
        yield Locked(service)
    said = service.said
    assert KEY not in said
    assert "pr-" not in said
    assert "Traceback" not in said


class Locked:
    """The service and its keys."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.keys = {
            name: service.key(name, "admin" if name == "admin" else "call")
            for name in ("admin", "call", "other")
        }

    def client(self, name: str | None) -> httpx.Client:
        headers = {} if name is None else {"authorization": f"Bearer {self.keys.get(name, name)}"}
        return self.service.client(headers=headers)


def send(client: httpx.Client, method: str, path: str) -> httpx.Response:
    body: dict[str, Any] = {"threshold": 0.12}
    if method == "POST":
        body = ask() if path == "/complete" else chat()
    return client.request(method, path, json=body, headers={"if-match": "*"})


@pytest.mark.parametrize("bearer", [None, "Bearer anything", "Bearer sk-any", "Basic eDp5", "Bearer"])
def test_while_no_key_exists_any_bearer_or_none_is_taken_on_loopback(
    client: httpx.Client, bearer: str | None
) -> None:
    headers = {} if bearer is None else {"authorization": bearer}
    assert client.post("/complete", json=ask(dry_run=True), headers=headers).status_code == 200
    assert client.get("/v1/reports/routes", headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_once_a_key_exists_every_path_needs_one(locked: Locked, method: str, path: str) -> None:
    with locked.client(None) as nobody:
        response = send(nobody, method, path)
        error = error_of(response, 401, "invalid_api_key")
        assert "pennyroute keys create" in error["message"]
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(locked: Locked, path: str) -> None:
    with locked.client(None) as nobody:
        assert nobody.get(path).status_code == 200


@pytest.mark.parametrize(
    "bearer",
    [
        "Bearer wrong",
        "Bearer pr-" + "A" * 43,
        "Bearer",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer x{key}",
    ],
)
def test_a_wrong_key_is_refused_and_calls_nobody(locked: Locked, upstream: OpenAIWire, bearer: str) -> None:
    upstream.clear()
    with locked.service.client(headers={"authorization": bearer.format(key=locked.keys["call"])}) as client:
        for path, body in (("/complete", ask()), (CHAT, chat())):
            response = client.post(path, json=body)
            error_of(response, 401, "invalid_api_key")
            assert locked.keys["call"] not in response.text
    assert upstream.seen == []


@pytest.mark.parametrize("name", ["call", "admin"])
def test_a_good_key_is_taken_however_bearer_is_written(locked: Locked, name: str) -> None:
    for kind in ("Bearer", "bearer", "BEARER"):
        headers = {"authorization": f"{kind} {locked.keys[name]}"}
        with locked.service.client(headers=headers) as client:
            assert client.post("/complete", json=ask()).status_code == 200


def test_a_decision_is_shown_to_the_key_that_made_it_and_to_an_admin_only(locked: Locked) -> None:
    with locked.client("call") as mine, locked.client("other") as other, locked.client("admin") as admin:
        id_ = mine.post("/complete", json=ask()).json()["decision"]["id"]
        found = mine.get(f"/v1/decisions/{id_}")
        assert found.json()["key_id"] == locked.service.key_id("call")
        assert admin.get(f"/v1/decisions/{id_}").json() == found.json()
        hidden = error_of(other.get(f"/v1/decisions/{id_}"), 404, "not_found")
        absent = error_of(other.get("/v1/decisions/dec_" + "0" * 26), 404, "not_found")
        assert hidden == absent


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/reports/routes"), ("GET", "/metrics"), ("PUT", "/v1/routes/default/threshold")],
)
def test_a_key_that_may_only_call_sees_and_changes_nothing_of_all(
    locked: Locked, method: str, path: str
) -> None:
    with locked.client("call") as client, locked.client("admin") as admin:
        error = error_of(send(client, method, path), 403, "not_permitted")
        assert "admin" in error["message"]
        assert send(admin, method, path).status_code == 200


def test_an_admin_of_another_account_reaches_nothing_that_belongs_to_all(locked: Locked) -> None:
    headers = {"authorization": f"Bearer {locked.service.key('tenant', 'admin', 'acme')}"}
    with locked.service.client(headers=headers) as tenant, locked.client("admin") as admin:
        before = admin.get("/v1/routes/default/threshold").json()
        for method, path in (("PUT", "/v1/routes/default/threshold"), ("GET", "/metrics")):
            error = error_of(send(tenant, method, path), 403, "not_permitted")
            assert "account `main`" in error["message"]
            assert "account `acme`" in error["message"]
        assert admin.get("/v1/routes/default/threshold").json() == before
        assert tenant.get("/v1/routes/default/threshold").json() == before
        admin.post("/complete", json=ask())
        assert tenant.get("/v1/reports/routes").json()["total"]["requests"] == 0
        id_ = tenant.post("/complete", json=ask()).json()["decision"]["id"]
        assert tenant.get(f"/v1/decisions/{id_}").status_code == 200
        assert tenant.get("/v1/reports/routes").json()["total"]["requests"] == 1
        error_of(admin.get(f"/v1/decisions/{id_}"), 404)


def test_a_key_that_may_only_call_reads_models_and_thresholds(locked: Locked) -> None:
    with locked.client("call") as client:
        assert client.get("/v1/models").status_code == 200
        assert client.get("/v1/routes/default/threshold").status_code == 200


def test_a_threshold_says_which_key_set_it(locked: Locked) -> None:
    with locked.client("admin") as admin:
        changed = send(admin, "PUT", "/v1/routes/moved/threshold").json()
    assert changed["set_by"] == locked.service.key_id("admin")


def test_a_revoked_key_is_refused_before_its_next_decision(locked: Locked, upstream: OpenAIWire) -> None:
    secret = locked.service.key("short-lived")
    with locked.service.client(headers={"authorization": f"Bearer {secret}"}) as client:
        assert client.post("/complete", json=ask()).status_code == 200
        locked.service.cli("keys", "revoke", locked.service.key_id("short-lived"))
        upstream.clear()
        for path, body in (("/complete", ask()), (CHAT, chat())):
            error = error_of(client.post(path, json=body), 401, "invalid_api_key")
            assert "revoked" in error["message"]
        error_of(client.get("/v1/models"), 401, "invalid_api_key")
    assert upstream.seen == []


def test_a_revoked_key_is_refused_for_a_dry_run_too(locked: Locked) -> None:
    for turn in range(5):  # a worker looks by itself now and then: not every time
        secret = locked.service.key(f"dry {turn}")
        with locked.service.client(headers={"authorization": f"Bearer {secret}"}) as client:
            assert client.post("/complete", json=ask(dry_run=True)).status_code == 200
            locked.service.revoke(f"dry {turn}")
            response = client.post("/complete", json=ask(dry_run=True))
            assert "revoked" in error_of(response, 401, "invalid_api_key")["message"]


def test_a_revoked_admin_changes_nothing_any_more(locked: Locked) -> None:
    secret = locked.service.key("dismissed", "admin")
    with locked.service.client(headers={"authorization": f"Bearer {secret}"}) as client:
        assert send(client, "GET", "/metrics").status_code == 200
        locked.service.revoke("dismissed")
        for method, path in (("PUT", "/v1/routes/default/threshold"), ("GET", "/v1/reports/routes")):
            error_of(send(client, method, path), 401, "invalid_api_key")


def test_a_new_key_is_good_at_once(locked: Locked) -> None:
    secret = locked.service.key("new")
    with locked.service.client(headers={"authorization": f"Bearer {secret}"}) as client:
        assert client.post("/complete", json=ask()).status_code == 200


def test_the_official_client_raises_its_own_class_for_a_wrong_key(locked: Locked) -> None:
    with OpenAI(base_url=f"{locked.service.url}/v1", api_key="wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "x"}])
        with pytest.raises(openai.PermissionDeniedError):
            client.with_options(api_key=locked.keys["call"]).get("/reports/routes", cast_to=httpx.Response)


# --- from where -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example.com", "evil.example.com:8080", "127.0.0.1.evil.com", "", "169.254.169.254", "[::2]"],
)
@pytest.mark.parametrize("path", ["/healthz", "/complete", "/v1/models"])
def test_a_host_that_is_not_ours_is_refused_against_rebinding(
    client: httpx.Client, host: str, path: str
) -> None:
    method = "POST" if path == "/complete" else "GET"
    response = client.request(method, path, json=ask(), headers={"host": host})
    assert error_of(response, 403, "host_not_allowed")["param"] == "Host"


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_names_of_loopback_are_ours(client: httpx.Client, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "null",
        "http://app.example.com",
        "https://app.example.com.evil.com",
        "file://",
    ],
)
def test_a_page_of_another_origin_is_refused(client: httpx.Client, upstream: OpenAIWire, origin: str) -> None:
    response = client.post("/complete", json=ask(), headers={"origin": origin})
    error_of(response, 403, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers
    assert upstream.seen == []
    assert client.get("/v1/models", headers={"origin": origin}).status_code == 403


def test_a_page_of_an_allowed_origin_may_ask_and_read(client: httpx.Client) -> None:
    origin = {"origin": "https://app.example.com"}
    asks = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-pennyroute-team",
    }
    preflight = client.options("/complete", headers=origin | asks)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == origin["origin"]
    assert "POST" in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"]
    assert {"authorization", "content-type", "x-pennyroute-team"} <= set(allowed.replace(" ", "").split(","))
    for stream in (False, True):
        response = client.post("/complete", json=ask(stream=stream), headers=origin)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == origin["origin"]
        assert response.headers["vary"] == "Origin"
    refused = client.post("/complete", json={}, headers=origin)
    assert refused.headers["access-control-allow-origin"] == origin["origin"]
    assert client.get("/v1/models", headers=origin).headers["access-control-allow-origin"] == origin["origin"]


def test_a_preflight_of_another_origin_is_refused(client: httpx.Client) -> None:
    headers = {"origin": "https://evil.example.com", "access-control-request-method": "POST"}
    response = client.options("/complete", headers=headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_the_services_own_page_is_its_own_origin(service: Service, client: httpx.Client) -> None:
    assert client.get("/v1/models", headers={"origin": service.url}).status_code == 200


def test_a_form_of_a_web_page_cannot_write(client: httpx.Client, upstream: OpenAIWire) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        for method, path in (("POST", "/complete"), ("POST", CHAT), ("PUT", "/v1/routes/moved/threshold")):
            response = client.request(
                method, path, content=json.dumps(ask()), headers={"content-type": kind, "if-match": "*"}
            )
            error_of(response, 415, "unsupported_media_type")
    assert upstream.seen == []


# --- beyond loopback ------------------------------------------------------------------------------


def test_beyond_loopback_it_starts_with_a_key_only(tmp_path: Path) -> None:
    service = Service(tmp_path, arguments=("--host", "0.0.0.0"))  # noqa: S104 - what is tested
    with pytest.raises(RuntimeError, match="there is no API key"):
        service.start()
    secret = service.cli("keys", "create", "first", "--scope", "admin").stdout.strip()
    with service, service.client() as client:
        error_of(client.post("/complete", json=ask()), 401)
        headers = {"authorization": f"Bearer {secret}", "host": "any.name.at.all"}
        assert client.post("/complete", json=ask(), headers=headers).status_code == 200


def test_secrets_are_in_no_answer_and_no_line_of_the_log(upstream: OpenAIWire, tmp_path: Path) -> None:
    password = "hunter2-of-the-store"
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        store = StoreServer("valkey", Path(folder)).start()
        url = store.url.replace("unix://", f"unix://:{password}@")
        environ = {"TINY_KEY": KEY, "REDIS_URL": url}
        service = Service(tmp_path, CONFIG.format(url=upstream.base_url), environ=environ)
        try:
            lock(store.url, password)
            with service:
                secret = service.key("admin", "admin")
                said = everything(service, secret)
                store.kill()
                said += everything(service, secret)
                assert service.stop(signal.SIGTERM) == 0
            refused = service.cli("report", check=False)
        finally:
            store.stop()
    assert refused.returncode == 1
    said += [service.said, refused.stdout, refused.stderr]
    assert "the store" in refused.stderr
    for hidden in (KEY, secret, password):
        assert [text for text in said if hidden in text] == []


def lock(url: str, password: str) -> None:
    """Makes the store ask for a password."""

    async def ask() -> None:
        store = Store.at_url(url)
        await store.command("CONFIG", "SET", "requirepass", password)
        await store.aclose()

    asyncio.run(ask())


def everything(service: Service, secret: str) -> list[str]:
    """The whole of every answer, headers included."""
    found = []
    with service.client(headers={"authorization": f"Bearer {secret}"}) as client:
        for method, path in [*EVERY, ("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz")]:
            found.append(send(client, method, path))
        for script in ("401", "400", "garbage", "half", "500", "gone"):
            model = "gone" if script == "gone" else f"does-{script}"
            found += [client.post(CHAT, json=chat(model=model, stream=stream)) for stream in (False, True)]
    return [f"{response.headers}\n{response.text}" for response in found]
