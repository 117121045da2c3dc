"""`pennyroute replay`: recorded traffic through any configuration, calling nobody."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from router.cli.attached import Where, with_store
from router.cli.failing import CommandFailed
from router.cli.options import DataDirOption, example
from router.names import CONFIG_FILE, DATA_DIR

if TYPE_CHECKING:
    from router.replay.comparison import Comparison
    from router.replay.configuration import Terms
    from router.replay.recorded import ReadBack
    from router.replay.result import Findings
    from router.store.connection import Store

_LABELS: Final = ("A", "B")
_RECORDED: Final = "recorded"


@example(
    "pennyroute replay traffic.jsonl --config pennyroute.yaml",
    "pennyroute replay outcomes.parquet --config now.yaml --config then.yaml --changes changes.jsonl",
    "pennyroute replay traffic.jsonl --route support --threshold B:support=0.2",
    "pennyroute replay --from-store --threshold recorded --from 7d",
)
def replay(
    traffic: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[TRAFFIC…]",
            help="Files of outcomes (.jsonl, .parquet, .csv; .gz), or of request bodies as JSON lines.",
            show_default=False,
        ),
    ] = None,
    *,
    config: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="The configuration to replay through; a second one is compared with it. "
            "Unset: `pennyroute.yaml` in the working directory.",
            show_default=False,
        ),
    ] = None,
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Replay the service's own recorded decisions.")
    ] = False,
    route: Annotated[
        str | None,
        typer.Option(
            metavar="ROUTE",
            help="Files: all goes through this route. --from-store: only what went through it.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROUTE=T",
            help="Decides in place of the configured one; `A:ROUTE=T` or `B:ROUTE=T` for one configuration "
            "only. `recorded`: each decision at the threshold that was in force.",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        int, typer.Option(metavar="N", min=1, help="With --from-store: so many decisions, the newest.")
    ] = 100_000,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHEN",
            help="With --from-store: none that began before. A date, a datetime, or a span before now: 24h, "
            "7d.",
            show_default=False,
        ),
    ] = None,
    account: Annotated[str, typer.Option(metavar="NAME", help="With --from-store: whose ledger.")] = "main",
    show: Annotated[
        int, typer.Option(metavar="N", min=0, help="So many of the queries that change tier are shown.")
    ] = 20,
    changes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all of them here, as JSON lines.", show_default=False),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Replay recorded traffic through configurations, calling nobody.

    Tiers, cost, quality where both tiers' scores are known, what differs between two configurations (with
    95 % intervals), and which queries change tier. The service's own code decides. Its own decisions,
    replayed with the same artifact at the recorded thresholds, come out the same.
    """
    files = traffic or []
    if bool(files) == from_store:
        raise CommandFailed("name files of traffic, or give --from-store; one of the two")
    if not from_store and from_ is not None:
        raise CommandFailed("--from is for --from-store: traffic in files has no times")
    terms = _terms(config or [], threshold or [], from_store=from_store)
    if changes is not None and len(terms) < len(_LABELS) and not from_store:
        raise CommandFailed(
            "--changes: there is nothing to compare with; give a second --config, or a --threshold B:ROUTE=T"
        )
    from router.replay.replay import uncollected

    with uncollected():
        if from_store:
            found = _from_store(terms, Where(terms[0].config, data_dir), account, (route, last, from_))
        else:
            found = _from_files(terms, files, route)
        if changes is not None:
            _write_changes(changes, found.compared)
        _show(found, terms, show, json_=json_)


def _terms(configs: Sequence[Path], thresholds: Sequence[str], *, from_store: bool) -> "list[Terms]":
    from router.replay.configuration import Terms

    files = list(configs)
    if not files and CONFIG_FILE.is_file():
        files = [CONFIG_FILE]
    if not files:
        raise CommandFailed(
            f"a replay needs a configuration, and there is no {CONFIG_FILE} here; name one with --config"
        )
    if len(files) > len(_LABELS):
        raise CommandFailed(f"a replay compares two configurations, not {len(files)}")
    if len(files) == 1 and any(text.startswith("B:") for text in thresholds):
        files *= 2
    named: dict[str, dict[str, float]] = {label: {} for label in _LABELS}
    recorded = set()
    for text in thresholds:
        labels, words = (text[:1], text[2:]) if text[:2] in {"A:", "B:"} else ("AB", text)
        if words == _RECORDED:
            recorded |= set(labels)
            continue
        name, value = _named_threshold(words)
        for label in labels:
            named[label][name] = value
    if recorded and not from_store:
        raise CommandFailed("--threshold recorded is for --from-store: traffic in files recorded none")
    return [
        Terms(label, file, named[label], as_recorded=label in recorded)
        for label, file in zip(_LABELS, files, strict=False)
    ]


def _named_threshold(words: str) -> tuple[str, float]:
    name, equals, number = words.rpartition("=")
    try:
        if equals and name:
            return name, float(number)
    except ValueError:
        pass
    raise CommandFailed(
        f"--threshold {words!r}: expected ROUTE=T with T from 0 to 1, such as default=0.2, or `recorded`"
    )


def _from_files(terms: "Sequence[Terms]", files: Sequence[Path], route: str | None) -> "Findings":
    from router.replay.traffic import rows_of

    return _replayed(terms, rows_of(files, route), 0)


def _from_store(
    terms: "Sequence[Terms]", where: Where, account: str, which: tuple[str | None, int, str | None]
) -> "Findings":
    route, last, since = which

    async def work(store: "Store") -> "ReadBack":
        from router.replay.recorded import Wanted, read_recorded
        from router.reports.period import parse_period

        period = parse_period(since, None, await store.now_ms())
        return await read_recorded(store, account, Wanted(route, last, period.from_ms))

    found = with_store(where, work)
    return _replayed(terms, found.asked, found.open)


def _replayed(terms: "Sequence[Terms]", traffic: "Iterable[Any]", left_open: int) -> "Findings":
    from router.replay.configuration import Configuration
    from router.replay.replay import replay as decide_again
    from router.replay.result import Findings

    configurations = [Configuration.of(one) for one in terms]
    with _counted() as told:
        results = decide_again(traffic, configurations, told)
    return Findings.of(results, configurations, left_open=left_open)


@contextmanager
def _counted() -> "Iterator[Callable[[int], None]]":
    """Shows on a terminal how many queries were decided so far; how many there are is not known before."""
    from router.cli.output import to_person

    person = to_person()
    if not person.is_terminal:
        yield lambda _: None
        return
    with person.status("reading traffic") as status:
        yield lambda count: status.update(f"{count:,} queries decided")


def _write_changes(path: Path, compared: "Comparison | None") -> None:
    found = compared.changes if compared else ()
    labels = compared.labels if compared else _LABELS
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(one.as_json(labels))}\n" for one in found)
    except OSError as error:
        raise CommandFailed(f"{path}: cannot be written ({error.strerror})") from error


def _show(found: "Findings", terms: "Sequence[Terms]", most: int, *, json_: bool) -> None:
    from router.cli.output import plain, print_json, to_person
    from router.cli.replay_shown import print_replay

    person = to_person()
    for bad in found.bad_summary():
        person.print(f"not replayed: {plain(bad)}", style="yellow", soft_wrap=True)
    if found.bad and not found.rows:
        raise CommandFailed(f"not one of {len(found.bad):,} rows can be replayed")
    if json_:
        print_json(found.as_json(most))
    else:
        print_replay(found, terms, most)
