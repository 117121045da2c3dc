"""The service's report reads what has left the store, and says so when it cannot."""

import asyncio
import contextlib
import subprocess
from pathlib import Path

from router.store.connection import Store
from tests.archive.examples import booked, entries_of_a_day
from tests.ledger.examples import ACCOUNT
from tests.service import Service

PERIOD = {"from": "2026-03-01", "to": "2026-04-01", "by": "route,team"}


def test_a_running_service_reports_the_same_after_entries_left_and_503_once_their_files_are_lost(
    tmp_path: Path,
):
    with Service(tmp_path) as service, service.client() as client:

        async def fill() -> None:
            async with contextlib.aclosing(Store.at_url(service.store_url, timeout_s=20)) as store:
                await booked(store, ACCOUNT, [*entries_of_a_day(0, 30), *entries_of_a_day(1, 30)])

        asyncio.run(fill())
        before = client.get("/v1/reports/routes", params=PERIOD).json()
        assert before["total"]["attempts"] == 60
        archive = tmp_path / "archive"
        words = service.command("ledger", "export", "--to", str(archive), "--trim")
        done = subprocess.run(
            words, env=service.environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert "trimmed 60 entries of 2 days" in done.stdout, done.stderr
        assert client.get("/v1/reports/routes", params=PERIOD).json() == before
        archive.rename(tmp_path / "lost")
        answer = client.get("/v1/reports/routes", params=PERIOD)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "archive_broken")
        assert client.get("/v1/reports/routes", params={"from": "7d"}).status_code == 200
