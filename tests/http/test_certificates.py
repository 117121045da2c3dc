"""A quality floor: nothing is small without a certificate, and none that was made for something else counts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.routes.certificate import CertificateInForce
from router.routes.thresholds import WATCH, Change, Thresholds
from tests.certificates import proven_on
from tests.http.config import EASY, HARD
from tests.service import Service

CONFIG = """
models:
  tiny: {provider: offline, model: small, price: {input: 0.1, output: 0.4}}
  big: {provider: offline, model: large, price: {input: 2, output: 10}}
routes:
  default: {small: tiny, large: big, threshold: 0.12}
  floored: {small: tiny, large: big, quality_floor: 0.98}
  loose: {small: tiny, large: big, threshold: 0.12}
  valued: {small: tiny, large: big, value_usd: 0.05, usual_output_tokens: 200}
  precious: {small: tiny, large: big, value_usd: 1000}
  worthless: {small: tiny, large: big, value_usd: 0.000001}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("certificates")
    with Service(folder, CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def decided(client: httpx.Client, route: str, query: str = EASY) -> dict[str, Any]:
    answer = client.post("/complete", json={"query": query, "route": route})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["decision"]
    return found


def proof(service: Service, **changes: Any) -> CertificateInForce:
    return proven_on(service, "floored", **({"floor": 0.98, "lower_bound": 0.981} | changes))


def put_in_force(service: Service, route: str, certificate: CertificateInForce | None, **more: Any) -> None:
    value = more.pop("value", None)
    if value is None:
        value = certificate.threshold if certificate else 0.5
    change = Change(route, value, more.pop("by", "ada"), certificate=certificate, **more)
    service.in_store(lambda store: Thresholds(store).set(change))


@pytest.fixture
def back(service: Service) -> Iterator[None]:
    yield
    for route in ("floored", "loose"):
        put_in_force(service, route, None, value=0.0 if route == "floored" else 0.12)


def test_without_a_certificate_everything_goes_to_large_and_says_why(client: httpx.Client) -> None:
    found = decided(client, "floored")
    assert (found["tier"], found["reason"], found["certificate"]) == ("large", "no_certificate", None)
    assert "pennyroute tune" in found["explanation"]
    shown = client.get("/v1/routes/floored/threshold").json()
    assert (shown["holds"], shown["why_not"]) == (None, None)


@pytest.mark.usefixtures("back")
def test_with_one_the_threshold_decides_and_the_decision_its_entry_and_the_report_name_it(
    service: Service, client: httpx.Client
) -> None:
    made = proof(service)
    put_in_force(service, "floored", made)
    easy = decided(client, "floored")
    assert (easy["tier"], easy["reason"], easy["certificate"]) == ("small", "below_threshold", made.id)
    assert client.get(f"/v1/decisions/{easy['id']}").json()["certificate"] == made.id
    shown = client.get("/v1/routes/floored/threshold").json()
    assert shown["certificate"]["id"] == made.id
    assert shown["certificate"]["floor"] == 0.98
    assert (shown["holds"], shown["why_not"]) == (True, None)
    watched = client.get("/v1/routes/floored/watch").json()
    assert (watched["holds"], watched["why_not"]) == (True, None)
    report = client.get("/v1/reports/routes").json()
    assert made.id in [term["certificate"] for term in report["certificates"]]
    assert report["total"]["certified"] >= 1
    forced = client.post("/complete", json={"query": HARD, "route": "floored", "tier": "small"}).json()
    assert forced["decision"]["certificate"] is None
    told = service.cli("threshold", "show", "floored").stdout
    assert made.id in told


@pytest.mark.usefixtures("back")
@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"classifier": "another+sha256:00000000"}, "another classifier"),
        ({"small": "mini"}, "other models"),
        ({"large": "huge"}, "other models"),
        ({"answers": ""}, "what answers as tiny and big changed"),
        ({"floor": 0.97}, "lower floor"),
    ],
    ids=lambda other: next(iter(other)) if isinstance(other, dict) else "",
)
def test_one_made_for_another_classifier_pair_or_lower_floor_proves_nothing_here_and_everybody_says_why(
    service: Service, client: httpx.Client, other: dict[str, Any], why: str
) -> None:
    made = proof(service, **other)
    put_in_force(service, "floored", made)
    assert decided(client, "floored")["reason"] == "no_certificate"
    for what in ("threshold", "watch"):
        found = client.get(f"/v1/routes/floored/{what}").json()
        assert found["holds"] is False
        assert why in found["why_not"]
    shown = json.loads(service.cli("threshold", "show", "floored", "--format", "json").stdout)
    assert shown["holds"] is False
    assert why in shown["why_not"]
    assert f"floored: {made.id} does not hold: " in service.cli("threshold", "show").stdout
    assert f"quality floor 0.98, and {made.id} does not hold, " in _looked_over(service)
    assert why in _looked_over(service)


@pytest.mark.usefixtures("back")
def test_once_suspended_all_goes_to_large_until_a_new_one_or_a_person(
    service: Service, client: httpx.Client
) -> None:
    for route in ("floored", "loose"):
        made = proof(service)
        put_in_force(service, route, made)
        assert decided(client, route)["tier"] == "small"
        put_in_force(service, route, made, value=0.0, by=WATCH, suspended=True)
        found = decided(client, route)
        assert (found["tier"], found["reason"]) == ("large", "certificate_suspended")
        assert found["certificate"] is None
        assert client.get(f"/v1/routes/{route}/threshold").json()["suspended"] is True
        put_in_force(service, route, proof(service, made_at="2026-11-25T00:00:00+00:00"))
        assert decided(client, route)["tier"] == "small"
    put_in_force(service, "loose", proof(service), value=0.0, by=WATCH, suspended=True)
    assert service.cli("threshold", "set", "loose", "0.3", "--reason", "looked at it").returncode == 0
    assert decided(client, "loose")["tier"] == "small"


@pytest.mark.usefixtures("back")
def test_a_rollback_brings_a_threshold_back_with_its_certificate(
    service: Service, client: httpx.Client
) -> None:
    made = proof(service)
    put_in_force(service, "floored", made)
    put_in_force(service, "floored", made, value=0.0, by=WATCH, suspended=True)
    service.cli("threshold", "rollback", "floored")
    assert decided(client, "floored")["certificate"] == made.id


def test_a_threshold_without_a_certificate_is_refused_where_it_would_change_nothing(
    service: Service, client: httpx.Client
) -> None:
    for route in ("floored", "valued"):
        answer = client.put(
            f"/v1/routes/{route}/threshold", json={"threshold": 0.2}, headers={"If-Match": "*"}
        )
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "threshold"
    said = service.cli("threshold", "set", "floored", "0.2", check=False)
    assert said.returncode != 0
    assert "pennyroute tune" in said.stderr


def test_a_route_that_values_its_answers_weighs_each_query_by_what_large_would_cost_more(
    client: httpx.Client,
) -> None:
    assert decided(client, "precious")["reason"] == "worth_it"
    assert decided(client, "worthless", HARD)["reason"] == "not_worth_it"
    found = decided(client, "valued", HARD)
    record = client.get(f"/v1/decisions/{found['id']}").json()
    inputs = record["inputs"]
    small, large = 100 * inputs["input_tokens"] + 400 * 200, 2_000 * inputs["input_tokens"] + 10_000 * 200
    assert inputs["extra_nano"] == large - small
    worth_it = record["difficulty"] * 50_000_000 >= inputs["extra_nano"]
    assert found["reason"] == ("worth_it" if worth_it else "not_worth_it")


@pytest.mark.parametrize("cap", [None, 50])
def test_where_several_answers_are_wanted_all_of_them_are_weighed(
    client: httpx.Client, cap: int | None
) -> None:
    extra = {}
    for answers in (1, 3):
        body = {"model": "valued", "messages": [{"role": "user", "content": EASY}], "n": answers}
        body |= {} if cap is None else {"max_tokens": cap}
        answer = client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        record = client.get(f"/v1/decisions/{answer.headers['x-pennyroute-decision-id']}").json()
        inputs = record["inputs"]
        assert inputs["answers"] == answers
        output = (cap or 200) * answers
        extra[answers] = (2_000 - 100) * inputs["input_tokens"] + (10_000 - 400) * output
        assert inputs["extra_nano"] == extra[answers]
        worth_it = record["difficulty"] * 50_000_000 >= extra[answers]
        assert record["reason"] == ("worth_it" if worth_it else "not_worth_it")
    assert extra[3] > 2 * extra[1]


def test_a_script_unlike_anything_that_was_learned_from_goes_to_large(client: httpx.Client) -> None:
    found = decided(
        client, "default", "Ποια είναι η πρωτεύουσα της Γαλλίας και γιατί επιλέχθηκε τελικά; " * 3
    )
    assert (found["tier"], found["reason"]) == ("large", "unfamiliar")


@pytest.mark.usefixtures("back")
def test_doctor_says_which_floors_are_proven(service: Service) -> None:
    assert "there is no certificate: all goes to large" in _looked_over(service)
    made = proof(service)
    put_in_force(service, "floored", made)
    put_in_force(service, "loose", proof(service, classifier="another"))
    told = _looked_over(service)
    assert f"{made.id}: at least 98.0% of always-large quality" in told
    assert "does not hold: it was made for another classifier (another; this is " in told
    put_in_force(service, "floored", made, value=0.0, by=WATCH, suspended=True)
    assert "the watch suspended its certificate" in _looked_over(service)


def _looked_over(service: Service) -> str:
    rows = json.loads(service.cli("doctor", "--format", "json", check=False).stdout)
    return "\n".join(row["said"] for row in rows if row["part"] == "certificate")


CHANGED = {
    "upstream model": ("model: small,", "model: other,"),
    "provider": (
        "{provider: offline, model: small,",
        '{provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", model: small,',
    ),
    "caps": ("quality_floor: 0.98", "quality_floor: 0.98, caps: {max_output_tokens: 16}"),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_once_something_else_answers_under_the_same_names_the_certificate_does_not_hold(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    with Service(tmp_path, CONFIG) as before, before.client() as client:
        made = proof(before)
        put_in_force(before, "floored", made)
        assert decided(client, "floored")["certificate"] == made.id
    with (
        Service(tmp_path, CONFIG) as again,
        again.client() as client,
    ):  # the bundled upstream has another port
        assert decided(client, "floored")["certificate"] == made.id
    with Service(tmp_path, CONFIG.replace(*change)) as after, after.client() as client:
        found = decided(client, "floored")
        assert (found["tier"], found["reason"], found["certificate"]) == ("large", "no_certificate", None)
        shown = client.get("/v1/routes/floored/threshold").json()
        assert (shown["holds"], shown["certificate"]["id"]) == (False, made.id)
        assert "what answers as tiny and big changed since" in shown["why_not"]
        assert f"{made.id} does not hold, what answers as tiny and big changed since" in _looked_over(after)
