"""A real Chromium, driven through chromedriver by the W3C protocol; it talks to nobody but loopback."""

import base64
import contextlib
import http.client
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")
_STARTED = re.compile(r"started successfully on port (\d+)")


class Browser:
    """One window; enter it to open it.

    Args:
        folder: an empty folder for the profile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session = ""

    def __enter__(self) -> Self:
        assert CHROMEDRIVER is not None
        self._driver = subprocess.Popen(
            [CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if found := _STARTED.search(line):
                self._port = int(found[1])
                break
        else:
            raise RuntimeError("chromedriver did not start")
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--proxy-server=direct://",
            f"--user-data-dir={self._folder}",
        ]
        options = {"binary": CHROMIUM, "args": arguments}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        try:
            opened = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        except BaseException:
            self._end()
            raise
        self._session = f"/session/{opened['sessionId']}"
        self.look()
        return self

    def look(self, width: int = 1280, scheme: str = "light") -> None:
        """From now on as on a screen of this width, where this color scheme is preferred."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._end()

    def _end(self) -> None:
        self._driver.terminate()
        self._driver.wait(30)
        assert self._driver.stdout is not None
        self._driver.stdout.close()

    def go(self, url: str) -> None:
        self._call("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns; a promise is waited for."""
        return self._call(
            "POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)}
        )

    def click(self, selector: str) -> None:
        self._call("POST", f"{self._session}/element/{self._find(selector)}/click", {})

    def write(self, selector: str, text: str) -> None:
        self._call("POST", f"{self._session}/element/{self._find(selector)}/value", {"text": text})

    def visible(self, selector: str) -> bool:
        return bool(self.run("return document.querySelector(arguments[0]).checkVisibility()", selector))

    def texts(self, selector: str) -> list[str]:
        """The text of every element a selector finds, as a person reads it."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)", selector
        )
        return found

    def until(self, look: Callable[[], T], patience_s: float = 30.0) -> T:
        """Looks until there is something to see."""
        give_up = time.monotonic() + patience_s
        while not (seen := look()):
            assert time.monotonic() < give_up, self.run("return document.body.innerText")
            time.sleep(0.02)
        return seen

    def complaints(self) -> list[str]:
        """What the console says since it was last asked: refused resources, errors."""
        found = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in found]

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _find(self, selector: str) -> str:
        found = self._call("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        name: str = next(iter(found.values()))
        return name

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as driver:
            text = None if body is None else json.dumps(body)
            driver.request(method, path, text, {"Content-Type": "application/json"})
            answer = driver.getresponse()
            value = json.loads(answer.read())["value"]
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{method} {path}: {value['message']}")
        return value
