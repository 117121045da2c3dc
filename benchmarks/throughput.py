"""Requests a second and latency added, against a plain ASGI + aiohttp passthrough on the same cores.

Both run one uvicorn worker. Rounds alternate, passthrough first, and the ratio is taken pair by pair, so that
a machine whose speed drifts compares fairly. Pennyroute runs as a user runs it: classifier, ledger and
embedded store on, the store on the same cores as the service. By default everything shares two cores;
`--server-cores 0 --load-cores 1` keeps the service with its store, and the passthrough, on a core of its own.

Usage: python benchmarks/throughput.py [--rounds N] [--seconds S] [--concurrency 1 32 128] [--out FILE]
Needs wrk (Debian: apt-get install wrk).
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from benchmarks.machine import machine  # noqa: E402 - found only once the root is on the path

QUERY = (
    "We are moving our order history from one database to another next week. Please summarise, in three "
    "short sentences a support agent can read aloud, what a customer will notice while it happens, what they "
    "should not worry about, and whom they can ask. Mention that old invoices stay where they are, that new "
    "orders may take up to an hour to show up, and that nobody needs to do anything. Keep it friendly. "
) * 2
CONFIG = """\
models:
  tiny: {{provider: openai-compatible, base_url: {url}, model: tiny-1, price: {{input: 0.10, output: 0.40}}}}
  big: {{provider: openai-compatible, base_url: {url}, model: big-1, price: {{input: 2.00, output: 10.00}}}}
routes:
  default: {{small: tiny, large: big, threshold: 0.12}}
"""
LUA = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{body}]]
"""


@dataclass(frozen=True)
class Round:
    """What wrk saw."""

    rps: float
    p50_ms: float
    p99_ms: float
    errors: int


@contextmanager
def started(
    words: list[str], ready: str, core: str, log: Path
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process on one core; yields it and what the pattern finds in its output."""
    process = subprocess.Popen(
        ["taskset", "-c", core, *words], stdout=subprocess.PIPE, stderr=log.open("w"), text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(ready, line)
            if found:
                yield process, found[1]
                break
        else:
            raise RuntimeError(f"{words[:3]} did not start: {log.read_text()[-800:]}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def load(url: str, script: Path, concurrency: int, seconds: float, cores: str) -> Round:
    """One run of wrk."""
    words = ["taskset", "-c", cores, "wrk", "-t1", f"-c{concurrency}", f"-d{seconds:g}s", "--latency"]
    said = subprocess.run([*words, "-s", str(script), url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return Round(float(rate[1]), _ms(said, "50%"), _ms(said, "99%"), int(bad[1]) if bad else 0)


def _ms(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", said)
    assert found is not None, said
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def memory_mib(pid: int) -> dict[str, float]:
    """Resident memory of a process now and at its most, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM")}  # type: ignore[index]


def store_calls(url: str) -> None:
    """Asks once, so that nothing is timed that happens only the first time."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": QUERY}]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--server-cores", default="0,1")
    parser.add_argument("--load-cores", default="0,1")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed; apt-get install wrk")
    how = f"--server-cores {options.server_cores} --load-cores {options.load_cores}"
    how += f" --rounds {options.rounds} --seconds {options.seconds:g}"
    lines = [f"command: python benchmarks/throughput.py {how}"]
    lines += [f"machine: {machine()}", f"query: {len(QUERY)} characters, not streamed"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        lines += _measure(Path(folder), stack, options)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        options.out.write_text(text)


def _measure(folder: Path, stack: ExitStack, options: argparse.Namespace) -> list[str]:
    python = sys.executable
    upstream = [python, "-m", "benchmarks.quick_upstream"]
    _, base_url = stack.enter_context(
        started(upstream, r"(http://\S+)", options.load_cores, folder / "upstream.log")
    )
    (folder / "pennyroute.yaml").write_text(CONFIG.format(url=base_url))
    plain = [python, "-m", "benchmarks.passthrough", base_url]
    serve = [
        python,
        "-m",
        "router.cli.main",
        "serve",
        "--port",
        "0",
        "--config",
        str(folder / "pennyroute.yaml"),
    ]
    serve += ["--data-dir", str(folder / "data")]
    a, a_url = stack.enter_context(
        started(plain, r"(http://\S+)", options.server_cores, folder / "passthrough.log")
    )
    b, b_url = stack.enter_context(
        started(serve, r"answers at (http://\S+)", options.server_cores, folder / "serve.log")
    )
    script = folder / "post.lua"
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": QUERY}]})
    script.write_text(LUA.format(body=body))
    targets = [f"{a_url}/v1/chat/completions", f"{b_url}/v1/chat/completions"]
    for url in targets:
        store_calls(url)
    lines = []
    for concurrency in options.concurrency:
        pairs = []
        for at in range(options.rounds + 1):
            seconds = options.seconds if at else 1.0
            pair = [load(url, script, concurrency, seconds, options.load_cores) for url in targets]
            if at:
                pairs.append(pair)
            time.sleep(0.3)
        lines += _summary(concurrency, pairs)
    for name, process in (("passthrough", a), ("pennyroute", b)):
        used = memory_mib(process.pid)
        lines.append(f"memory of {name}: {used['VmRSS']:.0f} MiB resident, {used['VmHWM']:.0f} MiB at most")
    return lines


def _summary(concurrency: int, pairs: list[list[Round]]) -> list[str]:
    def middle(side: int, name: str) -> float:
        return statistics.median(getattr(pair[side], name) for pair in pairs)

    ratios = sorted(pair[1].rps / pair[0].rps for pair in pairs)
    errors = sum(each.errors for pair in pairs for each in pair)
    added = [middle(1, name) - middle(0, name) for name in ("p50_ms", "p99_ms")]
    sides = [
        f"{name} {middle(side, 'rps'):,.0f}/s "
        f"p50 {middle(side, 'p50_ms'):.2f} ms p99 {middle(side, 'p99_ms'):.2f} ms"
        for side, name in enumerate(("passthrough", "pennyroute"))
    ]
    ratio = f"ratio of rates {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return [
        f"concurrency {concurrency}: {'; '.join(sides)}",
        f"  {ratio}; added p50 {added[0]:.2f} ms, p99 {added[1]:.2f} ms; errors {errors}",
    ]


if __name__ == "__main__":
    os.environ.pop("REDIS_URL", None)
    main()
