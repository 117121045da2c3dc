"""How long `pennyroute replay` takes for many decisions, from the command's start to its end.

From a file: request bodies of 1,000 characters, no two alike (texts as classifier_latency.py makes its
prose), through one configuration and through two. From the store: the ledger's entries and decision records
of as many decisions, in an embedded store of the benchmark's own; no text is kept, so the recorded
difficulties decide. The median and the slowest of some rounds, and the median of the processor time that all
its processes took: on a machine that others use too, that is what says how fast it is.

Usage: python benchmarks/replay_speed.py [--queries N] [--rounds N]
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from benchmarks.classifier_latency import prose_words, texts  # noqa: E402 - the root is on the path only now
from benchmarks.machine import machine  # noqa: E402
from router.access.caller import MAIN_ACCOUNT  # noqa: E402
from router.decision import Inputs  # noqa: E402
from router.ledger.entry import Entry, Kind, Labels, Tokens, encode  # noqa: E402
from router.record import DecisionRecord, encode_record  # noqa: E402
from router.store.connection import Store  # noqa: E402
from router.store.embedded import EmbeddedStore  # noqa: E402
from router.store.keys import AccountKeys  # noqa: E402

CHARS = 1_000
CONFIG = """\
models:
  small: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", price: {input: 0.10, output: 0.40}}
  large: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", price: {input: 2.00, output: 10.00}}
routes:
  default: {small: small, large: large, threshold: 0.12}
"""
BEGAN_MS = 1_790_000_000_000
IN_A_BATCH = 1_000


def write_bodies(path: Path, count: int) -> None:
    """Request bodies with what their answers used, one a line."""
    draw = random.Random(0)
    words = prose_words(draw)
    with path.open("w", encoding="utf-8") as file:
        for number, facts in enumerate(texts(words, CHARS, count, draw)):
            usage = {"prompt_tokens": draw.randrange(200, 300), "completion_tokens": draw.randrange(20, 900)}
            message = {"role": "user", "content": facts.text}
            file.write(f"{json.dumps({'id': number, 'messages': [message], 'usage': usage})}\n")


def decisions(count: int) -> Iterator[tuple[Entry, DecisionRecord]]:
    """As the service writes them on a route that keeps no prompts."""
    draw = random.Random(1)
    for number in range(count):
        difficulty = draw.random() * 0.3
        tier = "large" if difficulty >= 0.12 else "small"
        reason = "at_or_above_threshold" if tier == "large" else "below_threshold"
        tokens = Tokens(draw.randrange(100, 400), draw.randrange(20, 900))
        rates = (2_000, 10_000) if tier == "large" else (100, 400)
        name = f"dec_{number:026d}"
        entry = Entry(
            kind=Kind.SETTLE,
            attempt_id=f"{name}-1",
            decision_id=name,
            at_ms=BEGAN_MS + number,
            number=1,
            final=True,
            outcome="ok",
            route="default",
            tier=tier,
            model=tier,
            provider="openai-compatible",
            served_model=tier,
            service_tier=None,
            key_id="",
            labels=Labels(),
            reason=reason,
            difficulty=difficulty,
            threshold=0.12,
            threshold_version=1,
            classifier="any",
            tokens=tokens,
            cost_nano=tokens.input * rates[0] + tokens.output * rates[1],
            baseline_nano=tokens.input * 2_000 + tokens.output * 10_000,
            usage_source="provider",
            price_book="any",
            price_basis="requested",
            held_nano=10**9,
            latency_ms=900,
            first_byte_ms=None,
            decision_ms=901,
        )
        yield entry, record_of(entry, tokens.input)


def record_of(entry: Entry, input_tokens: int) -> DecisionRecord:
    return DecisionRecord(
        id=entry.decision_id,
        account=MAIN_ACCOUNT,
        key_id="",
        created_ms=entry.at_ms,
        route=entry.route,
        tier=entry.tier,
        model=entry.model,
        reason=entry.reason,
        chosen_tier=entry.tier,
        chosen_model=entry.model,
        chosen_reason=entry.reason,
        difficulty=entry.difficulty,
        threshold=entry.threshold,
        threshold_version=entry.threshold_version,
        classifier=entry.classifier,
        factors=(),
        inputs=Inputs(
            text_chars=CHARS,
            turns=1,
            system_chars=0,
            history_chars=0,
            images=0,
            needs_tools=False,
            input_tokens=input_tokens,
            output_tokens=None,
            output_clamped=False,
            trimmed_turns=0,
            forced=None,
        ),
        labels=entry.labels,
        stream=False,
        status="ok",
        enforced=True,
    )


async def fill(url: str, count: int) -> None:
    """Writes entries and records as the ledger keeps them; its counters are not needed here."""
    store, keys = Store.at_url(url, timeout_s=60), AccountKeys(MAIN_ACCOUNT)
    waiting: list[tuple[str | bytes, ...]] = []
    for entry, record in decisions(count):
        waiting.append(("XADD", keys.entries, "*", "e", encode(entry)))
        waiting.append(("HSET", keys.decision(entry.decision_id), "d", encode_record(record)))
        if len(waiting) >= IN_A_BATCH:
            await store.commands(*waiting)
            waiting = []
    await store.commands(*waiting) if waiting else None
    await store.aclose()


def timed(words: Sequence[str], folder: Path, rounds: int, count: int) -> str:
    """Seconds that the command takes, start of Python included."""
    command = [sys.executable, "-m", "router.cli.main", "replay", *words, "--json", "--show", "0"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    taken, worked = [], []
    for _ in range(rounds):
        before, start = _processor_s(), time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
        taken.append(time.perf_counter() - start)
        worked.append(_processor_s() - before)
        found = json.loads(done.stdout)
        if found["queries"] != count or found["sides"]["A"]["unknown_cost"]:
            raise SystemExit(f"replayed {found['queries']} of {count}, or not all of known cost")
    middle, processor = statistics.median(taken), statistics.median(worked)
    return f"{middle:5.1f} s, slowest {max(taken):.1f} s; processor {processor:.1f} s"


def _processor_s() -> float:
    """What the processes started here took so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count, rounds = options.queries, options.rounds
    print(f"command: python {' '.join(['benchmarks/replay_speed.py', *sys.argv[1:]])}")
    print(f"machine: {machine()}")
    wanted = os.getloadavg()[0]
    print(f"{count:,} decisions, {rounds} rounds; {wanted:.1f} processes wanted the cores before it began")
    with tempfile.TemporaryDirectory(prefix="pr-") as place:
        folder = Path(place)
        (folder / "pennyroute.yaml").write_text(CONFIG)
        write_bodies(folder / "traffic.jsonl", count)
        one = ["traffic.jsonl"]
        print(f"file, one configuration:          {timed(one, folder, rounds, count)}", flush=True)
        two = [*one, "--threshold", "B:default=0.2"]
        print(f"file, two configurations:         {timed(two, folder, rounds, count)}", flush=True)
        embedded = EmbeddedStore(folder / "data")
        embedded.acquire()
        try:
            asyncio.run(fill(embedded.url, count))
            store = ["--from-store", "--data-dir", "data"]
            print(f"store, no texts, configuration:   {timed(store, folder, rounds, count)}", flush=True)
            kept = [*store, "--threshold", "recorded"]
            print(f"store, no texts, as recorded:     {timed(kept, folder, rounds, count)}", flush=True)
        finally:
            embedded.release()


if __name__ == "__main__":
    main()
