"""The page at `/`, in a real Chromium before a real service."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.ledger.entry import Labels, Tokens
from router.routes.thresholds import WATCH, Change, Thresholds
from router.store.connection import Store
from tests.certificates import proven_on
from tests.reports.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.reports.entries import HOUR_MS, an_entry, keys_of, settled
from tests.service import Service

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None, reason="chromium and chromedriver are not installed"
)

ATTACK = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as running:
        asyncio.run(filled(running))
        yield running


async def filled(service: Service) -> None:
    """Three routes within the last 24 hours, one of them ten days ago too."""
    now = time.time_ns() // 1_000_000
    large = {"tier": "large", "model": "offline/large", "cost_nano": 400_000}
    async with contextlib.aclosing(Store.at_url(service.store_url, timeout_s=20)) as store:
        await settled(
            store,
            "main",
            *(an_entry(at_ms=now - 2 * HOUR_MS, labels=Labels(team=ATTACK)) for _ in range(3)),
            an_entry(at_ms=now, **large),
            an_entry(at_ms=now, outcome="server_error", baseline_nano=0, labels=Labels(team="care")),
            an_entry(
                at_ms=now,
                route="legal-triage",
                **{**large, "cost_nano": 2_345_678_901, "baseline_nano": 2_345_678_901},
                tokens=Tokens(input=1_234_567, output=8_910, cached_input=11, reasoning=12),
            ),
            an_entry(at_ms=now, route="lab", cost_nano=None, baseline_nano=None, held_nano=0),
            an_entry(at_ms=now - 10 * 24 * HOUR_MS, route="lab"),
        )


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def browser(window: Browser) -> Browser:
    """The window, with nothing of another test in it."""
    window.go("about:blank")
    window.look()
    window.complaints()
    return window


def shown(browser: Browser, url: str, section: str = "#report") -> Browser:
    browser.go(url)
    browser.until(lambda: browser.visible(section))
    return browser


def cells(browser: Browser) -> dict[str, dict[str, list[str]]]:
    """Row → column → lines, as a person reads them."""
    found: list[tuple[str, list[tuple[str, list[str]]]]] = browser.run(
        """
        const lines = (cell) => cell.innerText.split("\\n").map((line) => line.trim()).filter(Boolean);
        return [...document.querySelectorAll("#groups tbody tr, #groups tfoot tr")].map((row) => [
            row.querySelector("th").innerText.replaceAll("\\n", " / "),
            [...row.querySelectorAll("td")].map((cell) => [cell.dataset.label, lines(cell)]),
        ]);
        """
    )
    return {name: dict(columns) for name, columns in found}


def report(service: Service, **query: str) -> dict[str, Any]:
    with service.client() as client:
        found: dict[str, Any] = client.get("/v1/reports/routes", params=query).json()
        return found


def test_the_table_shows_the_numbers_of_the_report(service: Service, browser: Browser):
    shown(browser, service.url)
    seen, told = cells(browser), report(service, **{"from": "7d"})
    assert list(seen) == [*(group["route"] for group in told["groups"]), "total"]
    for group in [*told["groups"], {**told["total"], "route": "total"}]:
        row = seen[group["route"]]
        assert row["requests"][0] == f"{group['requests']:,}"
        assert row["tokens in"][0] == f"{group['input_tokens']:,}"
        assert row["tokens in"][1] == f"p50 {group['input_tokens_p50']:,} · p95 {group['input_tokens_p95']:,}"
        assert row["tokens out"][0] == f"{group['output_tokens']:,}"
        assert row["errors"] == [str(group["errors"])]
        assert row["latency"] == [f"{group['latency_p50_ms']} ms", f"p95 {group['latency_p95_ms']} ms"]
    assert seen["legal-triage"]["cost"] == ["$2.3457", "$2.3457 each"]
    assert seen["legal-triage"]["tokens in"][2] == "11 cached"
    assert seen["support"]["cost"][0] == "$0.0005"
    assert seen["support"]["to large"] == ["20 %"]
    assert seen["support"]["savings"] == ["$0.0011"]
    assert seen["lab"]["cost"] == seen["lab"]["baseline"] == ["1 unknown"]
    assert seen["lab"]["savings"] == ["unknown"]
    assert seen["total"]["cost"] == ["$2.3462", "+ 1 unknown"]
    assert browser.texts("#totals dd")[0] == "7"
    assert "an assumption" in browser.run("return document.querySelector('#totals').innerText")
    assert browser.complaints() == []


def test_a_label_is_shown_as_text_and_never_run(service: Service, browser: Browser):
    shown(browser, f"{service.url}/#by=team")
    assert set(cells(browser)) == {ATTACK, "care", "(none)", "total"}
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert browser.run("return document.title") == "Pennyroute: what it cost"
    assert browser.complaints() == []


def test_period_and_groups_are_picked_and_kept_in_the_address(service: Service, browser: Browser):
    shown(browser, service.url)
    browser.click("[data-period=all]")
    browser.until(lambda: cells(browser)["total"]["requests"][0] == "8")
    browser.click("[data-by=tier]")
    browser.until(lambda: "support / large" in cells(browser))
    assert browser.run("return location.hash") == "#period=all&by=route,tier"
    browser.click("[data-by=route]")
    browser.until(lambda: set(cells(browser)) == {"small", "large", "total"})
    browser.go("about:blank")
    shown(browser, f"{service.url}/#period=24h&by=feature,nonsense")
    assert browser.texts("[aria-pressed=true]") == ["24 h", "feature"]


def test_the_thresholds_in_force_are_shown(service: Service, browser: Browser):
    service.cli("threshold", "set", "support", "0.31", "--reason", "fewer <b>complaints</b>")
    shown(browser, service.url, "#thresholds")
    rows = [text.split("\t") for text in browser.texts("#threshold-rows tr")]
    assert "auto" not in [row[0] for row in rows]
    support = next(row for row in rows if row[0] == "support")
    assert (support[1], support[2], support[6]) == ("0.31", "2", "fewer <b>complaints</b>")


def test_a_certificate_and_its_suspension_are_shown(service: Service, browser: Browser):
    proof = proven_on(service, "support")
    proven = Change("support", proof.threshold, "ada", certificate=proof)
    service.in_store(lambda store: Thresholds(store).set(proven))
    shown(browser, f"{service.url}/#period=all", "#thresholds")
    assert any(f"{proof.id}: 95.0" in text for text in browser.texts("#threshold-rows tr"))
    assert any(proof.id in note and note.endswith("UTC.") for note in browser.texts("#notes li"))
    other = proven_on(service, "support", classifier="another")
    lapsed = Change("support", other.threshold, "ada", certificate=other)
    service.in_store(lambda store: Thresholds(store).set(lapsed))
    browser.click("#refresh")
    why = f"{other.id} does not hold: it was made for another classifier"
    browser.until(lambda: any(why in row for row in browser.texts("#threshold-rows tr")))
    withdrawn = Change("support", 0.0, WATCH, certificate=proof, suspended=True)
    service.in_store(lambda store: Thresholds(store).set(withdrawn))
    browser.click("#refresh")
    browser.until(lambda: any(f"{proof.id} suspended" in row for row in browser.texts("#threshold-rows tr")))
    assert any("suspended" in note for note in browser.texts("#notes li"))
    service.cli("threshold", "set", "support", "0.31")


def test_a_service_that_went_away_is_said_and_asked_again(service: Service, browser: Browser):
    shown(browser, service.url)
    browser.run("window.fetch = () => Promise.reject(new TypeError('gone'))")
    browser.click("#refresh")
    browser.until(lambda: browser.visible("#failed"))
    assert browser.texts("#failed-why") == ["The service does not answer (gone)."]
    assert not browser.visible("#report")


def test_a_new_service_shows_how_to_send_the_first_request_and_asks_for_its_key(
    browser: Browser, tmp_path: Path
):
    with Service(tmp_path) as fresh:
        shown(browser, f"{fresh.url}/#period=all", "#empty")
        assert browser.texts("#empty-title") == ["No requests yet"]
        assert browser.texts("#curl")[0].startswith(f"curl {fresh.url}/complete -H 'content-type")
        call, admin = keys_of(fresh)
        shown(browser, fresh.url, "#locked")
        browser.write("#key", call)
        browser.click("#key-form button")
        browser.until(lambda: "scope `admin`" in browser.texts("#locked-why")[0])
        browser.write("#key", admin)
        browser.click("#key-form button")
        browser.until(lambda: browser.visible("#empty"))
        assert "$PENNYROUTE_KEY" in browser.texts("#curl")[0]
        assert admin not in browser.run("return document.documentElement.outerHTML + location.href")
        assert browser.run("return [localStorage.length, document.cookie, sessionStorage.length]") == [
            0,
            "",
            1,
        ]
        browser.click("#forget")
        browser.until(lambda: browser.visible("#locked"))
        assert browser.run("return sessionStorage.length") == 0


@pytest.mark.parametrize(
    ("width", "scheme", "back"),
    [
        (390, "dark", "rgb(17, 21, 29)"),
        (390, "light", "rgb(245, 246, 248)"),
        (820, "light", "rgb(245, 246, 248)"),
        (1280, "dark", "rgb(17, 21, 29)"),
    ],
)
def test_the_page_fits_phone_and_desktop_in_light_and_dark(
    service: Service, browser: Browser, width: int, scheme: str, back: str
):
    browser.look(width, scheme)
    shown(browser, service.url, "#thresholds")
    assert browser.run("return innerWidth") == width
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == back
    assert browser.complaints() == []
