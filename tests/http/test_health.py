"""Whether it lives, what it has done, and how it describes itself."""

import httpx

from router import __version__
from tests.http.config import ask


def test_health_and_readiness_are_told(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "store": "answers"}


def test_metrics_are_prometheus_text_and_grow_with_what_is_answered(client: httpx.Client) -> None:
    def count() -> float:
        text = client.get("/metrics").text
        lines = [line for line in text.splitlines() if line.startswith("pennyroute_completions_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    before = count()
    assert client.post("/complete", json=ask()).status_code == 200
    assert client.post("/complete", json=ask(dry_run=True)).status_code == 200
    assert count() == before + 1
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    for name in (
        "cost_nano_usd_total",
        "baseline_nano_usd_total",
        "tokens_total",
        "completion_seconds_bucket",
    ):
        assert f"pennyroute_{name}" in response.text


def test_the_api_describes_every_endpoint(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["info"]["version"] == __version__
    assert {
        "/complete",
        "/v1/chat/completions",
        "/v1/models",
        "/v1/decisions/{decision_id}",
        "/v1/routes/{route}/threshold",
        "/v1/reports/routes",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= set(schema["paths"])
    fields = schema["components"]["schemas"]["CompleteBody"]["properties"]
    assert {"query", "messages", "route", "max_output_tokens", "tier", "dry_run", "metadata"} <= set(fields)


def test_the_docs_page_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "/complete" in page.text
    assert "https://cdn" not in page.text


def test_every_answer_forbids_guessing_its_type(client: httpx.Client) -> None:
    for response in (
        client.get("/healthz"),
        client.get("/nothing"),
        client.post("/complete", json=ask()),
        client.post("/complete", json=ask(stream=True)),
        client.post("/complete", json={}),
    ):
        assert response.headers["x-content-type-options"] == "nosniff"
