"""Several workers, and the process that started them."""

import time
from pathlib import Path

from tests.service import Service


def test_workers_end_with_the_process_that_started_them_and_a_new_service_starts_on_their_port(
    tmp_path: Path,
) -> None:
    service = Service(tmp_path, arguments=("--workers", "2")).start()
    port = service.url.rpartition(":")[2]
    service.kill()
    again = Service(tmp_path, arguments=("--port", port))
    deadline = time.monotonic() + 60
    while True:
        try:
            again.start()
        except RuntimeError:
            assert time.monotonic() < deadline, again.said
            time.sleep(0.2)
        else:
            break
    with again.client() as client:
        assert client.get("/readyz").json()["status"] == "ready"
    assert again.stop() == 0
