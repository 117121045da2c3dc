"""Recorded queries through the real service: what would routing them have kept and saved?

Every query of an outcomes file goes over HTTP to `/complete` of the real service (store, ledger and
classifier on), whose upstream answers with the recorded score and cost of the model that was chosen. The rows
are cut into folds, near-copies together; each fold is replayed with an artifact trained without it and its
near-copies, on the other folds and on the other outcome files beside it. Checked: every answer is the
recorded one, the ledger's sum is that of the recorded costs to the nano-dollar, and `pennyroute ledger
verify` agrees.

Usage: python benchmarks/replay_outcomes.py --outcomes FILE [--also FILE…] [--folds N] [--concurrency N]
       [--threshold T] [--out FILE]
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import aiohttp
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from benchmarks.classifier_retrain import recipe  # noqa: E402 - found only once the root is on the path
from benchmarks.machine import machine  # noqa: E402
from benchmarks.replay_figures import Replayed, Way, against_random, ranking, sweep, ways  # noqa: E402
from benchmarks.replay_upstream import Recorded, ReplayUpstream  # noqa: E402
from classifiers.artifact import read_artifact  # noqa: E402
from classifiers.default import SHIPPED  # noqa: E402
from classifiers.folds import random_folds  # noqa: E402
from classifiers.neighbours import groups  # noqa: E402
from classifiers.outcomes import Outcome, read_outcomes  # noqa: E402
from classifiers.train import train  # noqa: E402

PENNYROUTE = Path(sys.executable).with_name("pennyroute")
READY_WITHIN_S = 60
CONFIG = """\
classifier: {artifact}
models:
  small: {{provider: openrouter, base_url: {url}, model: small, price: {{input: 0.60, output: 0.60}}}}
  large: {{provider: openrouter, base_url: {url}, model: large, price: {{input: 10.00, output: 30.00}}}}
routes:
  default: {{small: small, large: large, threshold: {threshold}}}
"""


class ReplayFailed(Exception):  # noqa: N818 - the name says what happened
    """The replay cannot be done, or what came back is not what was recorded."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one fold and the artifact that did not see them."""

    rows: list[Outcome]
    artifact: Path
    threshold: float


@dataclass(frozen=True, slots=True)
class Fold:
    """A fold replayed; sums in nano-dollars."""

    rows: list[Replayed]
    classifier: str
    threshold: float
    ledger_nano: int
    seconds: float


def nano_of(cost_usd: float | None) -> int:
    """A recorded cost in nano-dollars, rounded half up as the ledger rounds."""
    if cost_usd is None:
        raise ReplayFailed("a row has no recorded cost; replay a file that has them all")
    return int((Decimal(repr(cost_usd)) * 10**9).to_integral_value(ROUND_HALF_UP))


def cut(
    replayed: list[Outcome], beside: list[Outcome], folds: int, place: Path
) -> list[tuple[list[Outcome], list[Path]]]:
    """For each fold its rows, and files with all rows that are neither of it nor near-copies of it."""
    together = [*replayed, *beside]
    group = groups([row.facts for row in together])
    number = random_folds(group, folds=folds, seed=0).fold
    parts = []
    for fold in range(folds):
        judged = [at for at in range(len(replayed)) if number[at] == fold]
        tainted = np.isin(group, group[judged])
        learned = [row for row, bad in zip(together, tainted.tolist(), strict=True) if not bad]
        parts.append(([replayed[at] for at in judged], _written(learned, place / f"fold-{fold}")))
    return parts


def _written(rows: list[Outcome], place: Path) -> list[Path]:
    place.mkdir(parents=True)
    paths = []
    for source in sorted({row.source for row in rows}):
        path = place / f"{source}.jsonl"
        path.write_bytes(b"".join(row.line.rstrip(b"\r\n") + b"\n" for row in rows if row.source == source))
        paths.append(path)
    return paths


def trained_parts(
    replayed: list[Outcome],
    beside: list[Outcome],
    options: argparse.Namespace,
    place: Path,
    progress: Progress,
) -> list[Part]:
    """Each fold with its artifact, trained by the recipe of the shipped one."""
    parts = []
    choice = recipe(read_artifact(SHIPPED).manifest)
    for at, (rows, files) in enumerate(cut(replayed, beside, options.folds, place), start=1):
        task = progress.add_task(f"training without fold {at}", total=1.0)

        def tell(_step: str, share: float, task: int = int(task)) -> None:
            progress.update(task, completed=share)  # type: ignore[arg-type]

        report = train(files, files[0].parent / "artifact", choice=choice, progress=tell)
        threshold = report.manifest["default_threshold"] if options.threshold is None else options.threshold
        parts.append(Part(rows, report.directory, threshold))
    return parts


@asynccontextmanager
async def service(part: Part, upstream_url: str, data_dir: Path) -> AsyncIterator[str]:
    """The real service as a user starts it; yields its address."""
    config = _config(part, upstream_url, data_dir)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    environment["OPENROUTER_API_KEY"] = "none-needed"
    command = [PENNYROUTE, "serve", "--config", config, "--data-dir", data_dir, "--port", str(port)]
    with (data_dir / "service.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)  # noqa: ASYNC220 - once
    try:
        url = f"http://127.0.0.1:{port}"
        await _ready(url, process, data_dir / "service.log")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _config(part: Part, upstream_url: str, data_dir: Path) -> Path:
    data_dir.mkdir(parents=True)
    config = data_dir / "pennyroute.yaml"
    config.write_text(CONFIG.format(artifact=part.artifact, url=upstream_url, threshold=part.threshold))
    return config


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3_000:]


async def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
    raise ReplayFailed(f"the service did not get ready:\n{_end_of(log)}")


async def replay(part: Part, place: Path, concurrency: int, advance: Callable[[], None]) -> Fold:
    """All rows of a fold through the service, then the ledger's sum."""
    answers = {}
    for row in part.rows:
        answers["small", row.facts.text] = Recorded(row.small_score, repr(row.small_cost_usd))
        answers["large", row.facts.text] = Recorded(row.large_score, repr(row.large_cost_usd))
    if len(answers) != 2 * len(part.rows):
        raise ReplayFailed("two rows ask the same, so their recorded answers cannot be told apart")
    upstream = ReplayUpstream(answers)
    async with upstream.running() as upstream_url, service(part, upstream_url, place) as url:
        start = time.monotonic()
        connector = aiohttp.TCPConnector(limit=concurrency)
        async with aiohttp.ClientSession(url, connector=connector) as session:
            waiting = iter(part.rows)
            done: list[Replayed] = []

            async def send() -> None:
                for row in waiting:
                    done.append(await _asked(session, row))
                    advance()

            async with asyncio.TaskGroup() as tasks:
                for _ in range(concurrency):
                    tasks.create_task(send())
            seconds = time.monotonic() - start
            ledger_nano = await _ledger_sum(session, len(part.rows))
        await _verified(place)
    if upstream.calls != len(part.rows):
        raise ReplayFailed(f"the upstream was called {upstream.calls} times for {len(part.rows)} queries")
    classifier = read_artifact(part.artifact).classifier.id
    return Fold(done, classifier, part.threshold, ledger_nano, seconds)


async def _asked(session: aiohttp.ClientSession, row: Outcome) -> Replayed:
    async with session.post("/complete", json={"query": row.facts.text}) as response:
        if response.status != 200:
            raise ReplayFailed(f"row {row.id}: status {response.status}: {(await response.text())[:500]}")
        answer = await response.json()
    decision, cost = answer["decision"], answer["cost"]
    found = Replayed(
        difficulty=decision["difficulty"],
        large=decision["tier"] == "large",
        score=float(answer["output"]),
        cost_nano=cost["nano_usd"],
        small_score=row.small_score,
        large_score=row.large_score,
        small_nano=nano_of(row.small_cost_usd),
        large_nano=nano_of(row.large_cost_usd),
    )
    if (found.score, found.cost_nano) != (found.recorded_score, found.recorded_nano):
        raise ReplayFailed(
            f"row {row.id}: score {found.score} at {found.cost_nano} nano-dollars came back, recorded were "
            f"{found.recorded_score} at {found.recorded_nano}"
        )
    if cost["usage_source"] != "provider_cost":
        raise ReplayFailed(f"row {row.id}: the cost came from {cost['usage_source']}, not from the provider")
    return found


async def _ledger_sum(session: aiohttp.ClientSession, requests: int) -> int:
    async with session.get("/v1/reports/routes") as response:
        total = (await response.json())["total"]
    if total["requests"] != requests or total["errors"]:
        raise ReplayFailed(f"the report has {total['requests']} requests and {total['errors']} errors")
    return int(total["nano_usd"])


async def _verified(data_dir: Path) -> None:
    command = [
        str(PENNYROUTE),
        "ledger",
        "verify",
        "--data-dir",
        str(data_dir),
        "--config",
        str(data_dir / "pennyroute.yaml"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise ReplayFailed(f"pennyroute ledger verify:\n{said.decode(errors='replace')[-2_000:]}")


def summary(folds: Sequence[Fold], options: argparse.Namespace, beside: Sequence[Path]) -> str:
    """What is printed and kept: figures only."""
    rows = [row for fold in folds for row in fold.rows]
    recorded = sum(row.recorded_nano for row in rows)
    ledger = sum(fold.ledger_nano for fold in folds)
    lead, error = against_random(rows)
    rate = len(rows) / sum(fold.seconds for fold in folds)
    numbers = f"--folds {options.folds} --concurrency {options.concurrency}"
    names = " ".join(f"--also {path.name}" for path in beside)
    lines = [
        f"command: python benchmarks/replay_outcomes.py --outcomes {options.outcomes.name} {names} {numbers}",
        f"machine: {machine()}",
        f"{len(rows)} queries over HTTP /complete, {rate:,.0f} a second, upstream and load on the same cores",
    ]
    lines += [
        f"fold {at}: {len(fold.rows)} queries, threshold {fold.threshold:g}, classifier {fold.classifier}"
        for at, fold in enumerate(folds, start=1)
    ]
    verdict = "equal" if ledger == recorded else "NOT EQUAL"
    lines += [
        f"ledger {ledger} nano-dollars, recorded costs of the choices {recorded}: {verdict}",
        "every answer was the recorded one; `pennyroute ledger verify` found nothing",
        "",
        f"{'':<20} {'quality':>8} {'USD a query':>12} {'to large':>9} {'cost of always large':>21}",
    ]
    compared = ways(rows)
    dearest = compared[-1].usd
    lines += [_row(way.name, way, way.usd / dearest) for way in compared]
    lines += [
        "",
        f"routed quality above random at the same share: {lead:+.4f} ± {error:.4f} (one standard error)",
        f"APGR of the stated difficulties: {ranking(rows)} (random 0.5)",
        "",
        "other thresholds on the same difficulties:",
        f"{'threshold':<20} {'quality':>8} {'USD a query':>12} {'to large':>9} {'quality kept':>21}",
    ]
    best = compared[-1].quality
    lines += [_row(f"{threshold:g}", way, way.quality / best) for threshold, way in sweep(rows)]
    return "\n".join(lines)


def _row(name: str, way: Way, share: float) -> str:
    return f"{name:<20} {way.quality:>8.4f} {way.usd:>12.6f} {way.large_share:>9.1%} {share:>21.1%}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, default=ROOT.parent / "shared/data/routerbench.jsonl.gz")
    parser.add_argument("--also", type=Path, action="append", help="to train on; unset: the files beside it")
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument(
        "--threshold", type=float, help="unset: the default threshold of each fold's artifact"
    )
    parser.add_argument("--out", type=Path, help="where the summary is kept")
    options = parser.parse_args()
    beside = options.also
    if beside is None:
        beside = [
            path for path in sorted(options.outcomes.parent.glob("*.jsonl.gz")) if path != options.outcomes
        ]
    replayed, others = read_outcomes([options.outcomes]).rows, read_outcomes(beside).rows
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as place, Progress(*columns, console=console) as progress:
        parts = trained_parts(replayed, others, options, Path(place), progress)
        task = progress.add_task("replaying", total=len(replayed))
        folds = [
            asyncio.run(
                replay(part, Path(place) / f"data-{at}", options.concurrency, lambda: progress.advance(task))
            )
            for at, part in enumerate(parts)
        ]
    said = summary(folds, options, beside)
    print(said)
    if options.out:
        options.out.write_text(said + "\n", encoding="utf-8")
    return 1 if "NOT EQUAL" in said else 0


if __name__ == "__main__":
    sys.exit(main())
