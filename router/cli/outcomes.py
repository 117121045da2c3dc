"""`pennyroute outcomes`: what answers were worth, out of the service and back in with people's scores."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from router.cli.attached import Where, with_set_up, with_store
from router.cli.failing import CommandFailed
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR, DEFAULT_ROUTE

if TYPE_CHECKING:
    from router.outcomes.export import Exported
    from router.outcomes.record import JudgedBy, OutcomeRecord
    from router.outcomes.sample import Sample
    from router.outcomes.scoring import Said
    from router.setup import SetUp
    from router.store.connection import Store

RouteOption = Annotated[
    str | None,
    typer.Option("--route", metavar="ROUTE", help="Of this route. Unset: of all.", show_default=False),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="WHEN",
        help="None decided before: a date, a datetime, or a span before now such as 24h or 30d.",
        show_default=False,
    ),
]
AccountOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of this account. Unset: of all.", show_default=False),
]


@example("pennyroute outcomes list --route support", "pennyroute outcomes list --last 5 --format json")
def list_(
    *,
    route: RouteOption = None,
    from_: FromOption = None,
    last: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many, newest first.")] = 20,
    account: AccountOption = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """List outcomes: what both tiers' answers were scored, newest first."""
    where = Where(config, data_dir)

    async def work(store: "Store") -> "list[tuple[str, OutcomeRecord]]":
        from router.outcomes.store import Outcomes

        await _known(where, store, route)
        from_ms = await _from_ms(store, from_)
        found = [
            (name, one)
            for name in await _accounts(store, account)
            for one in (await Outcomes(store).page(name, route, from_ms=from_ms, limit=last)).outcomes
        ]
        return sorted(found, key=lambda one: (one[1].at_ms, one[1].id), reverse=True)[:last]

    found = with_store(where, work)
    if format_ is Format.JSON:
        from router.cli.output import print_json

        print_json([{"account": name} | one.as_json() for name, one in found])
    elif found:
        from router.cli.outcome_words import print_outcomes

        print_outcomes(found)
    else:
        from router.cli.outcome_words import note

        note("There are no outcomes: none was audited yet, and nobody scored an answer.")


@example(
    "pennyroute outcomes export --route support --from 30d --out outcomes.jsonl",
    "pennyroute outcomes export --account acme --undrawn --out outcomes.parquet",
)
def export(
    *,
    route: RouteOption = None,
    from_: FromOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .jsonl, .jsonl.gz or .parquet to write. Unset: JSON lines on standard output.",
            show_default=False,
        ),
    ] = None,
    complete_only: Annotated[
        bool,
        typer.Option(
            "--complete-only/--incomplete",
            help="Leave out, and count, what misses a score; or write it with null in its place.",
        ),
    ] = True,
    undrawn: Annotated[
        bool,
        typer.Option(
            "--undrawn", help="Also what was not drawn by the audit but scored by somebody's choice."
        ),
    ] = False,
    account: AccountOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Write outcomes in the format that train, tune and evaluate read.

    A row has the messages where its route stores prompts, else the difficulty it had. What a person scored by
    hand is a row of its own, with the id of the judge's.
    """
    where = Where(config, data_dir)

    async def work(store: "Store") -> "Exported":
        from router.outcomes.export import Wanted
        from router.outcomes.export import export as write
        from router.outcomes.sinks import sink_to
        from router.outcomes.store import Outcomes

        await _known(where, store, route)
        from_ms = await _from_ms(store, from_)
        names = await _accounts(store, account)
        wanted = Wanted(names, route, from_ms, incomplete=not complete_only, undrawn=undrawn)
        with sink_to(out) as sink:
            return await write(Outcomes(store), wanted, sink)

    try:
        done = with_store(where, work)
    except (ValueError, OSError) as error:
        raise _unwritable(out, error) from error
    from router.cli.outcome_words import tell_exported

    tell_exported(done)


@example(
    "pennyroute outcomes import scored.jsonl",
    "pennyroute outcomes import ratings.jsonl --judged-by feedback",
)
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="JSON lines (.jsonl, .jsonl.gz) with a decision's id and scores: a sample that was filled "
            "in, outcome rows, or {decision_id, score}.",
        ),
    ],
    *,
    judged_by: Annotated[
        Literal["hand", "import", "feedback"] | None,
        typer.Option(
            help="Whose scores these are. Unset: as each row says; `hand` in a sample, else `import`.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    account: AccountOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Take scores for decisions of the service.

    Scores given by hand stand beside a judge's. Rows that are bad, or of no decision that is kept, are shown.
    """
    from router.outcomes.record import JudgedBy

    by = None if judged_by is None else JudgedBy(judged_by)
    bad: list[str] = []
    said = list(_readable(files, by, bad, strict=strict))

    async def work(made: "SetUp", store: "Store") -> dict[str, int]:
        return await _taken(made, store, account, said, bad, strict=strict)

    counts = with_set_up(Where(config, data_dir), work)
    counts["blank"] = sum(one.said is None for one in said)
    from router.cli.outcome_words import tell_imported

    tell_imported(counts, bad)
    if bad and not counts["scored"] and not counts["unchanged"]:
        raise CommandFailed("no row could be used")


@example("pennyroute outcomes sample --n 100 --route support --out to-score.jsonl")
def sample(
    *,
    n: Annotated[int, typer.Option("--n", min=1, max=100_000, metavar="N", help="How many.")] = 100,
    route: RouteOption = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A .jsonl to write.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same outcomes.")] = 0,
    from_: FromOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Draw outcomes at random, to be scored by hand.

    Fill in `hand` in each row, 0 to 1 for each answer, and give the file to `pennyroute outcomes import`.
    Only of routes with `store_prompts`.
    """
    from router.outcomes.sinks import LINES

    if not out.name.lower().endswith(LINES):
        raise CommandFailed(f"{out}: a sample is written to {' or '.join(LINES)}")

    async def work(store: "Store") -> "Sample":
        from router.outcomes.sample import Draw
        from router.outcomes.sample import sample as drawn
        from router.outcomes.store import Outcomes

        names = await _accounts(store, account)
        draw = Draw(names, route, await _from_ms(store, from_), n, seed)
        return await drawn(Outcomes(store), draw)

    found = with_store(Where(config, data_dir), work)
    from router.cli.outcome_words import nothing_to_draw, tell_drawn

    if not found.rows:
        raise CommandFailed(nothing_to_draw(found, route))
    try:
        _write(out, found.rows)
    except (ValueError, OSError) as error:
        raise _unwritable(out, error) from error
    tell_drawn(found, out)


async def _accounts(store: "Store", account: str | None) -> list[str]:
    """A certificate speaks of a route, and so of everybody who uses it."""
    from router.store.settings import accounts

    return [account] if account is not None else await accounts(store)


async def _known(where: Where, store: "Store", route: str | None) -> None:
    """Whether there is such a route: configured, or outcomes are kept of it, of anybody's.

    Raises:
        UnknownRoute: neither; with the nearest name as a suggestion.
    """
    if route is None:
        return
    from router.catalog import suggestion
    from router.errors import UnknownRoute
    from router.outcomes.store import Outcomes

    known = {DEFAULT_ROUTE, *where.settings().routes}
    for name in await _accounts(store, None):
        known |= set(await Outcomes(store).routes(name))
    if route not in known:
        raise UnknownRoute(
            f"route {route[:100]!r} is not configured, and has no outcomes{suggestion(route, list(known))}",
            param="route",
        )


async def _from_ms(store: "Store", from_: str | None) -> int | None:
    from router.reports import parse_period

    return parse_period(from_, None, await store.now_ms()).from_ms


def _unwritable(out: Path | None, error: Exception) -> CommandFailed:
    reason = getattr(error, "strerror", None)
    return CommandFailed(f"{out}: cannot be written ({reason})" if reason else str(error))


def _write(out: Path, rows: Iterable[dict[str, Any]]) -> None:
    from router.outcomes.sinks import sink_to

    with sink_to(out) as sink:
        for row in rows:
            sink.write(row)


@dataclass(frozen=True, slots=True)
class _Row:
    """What a row says, where it stands, and whose decision it says that of, if it does."""

    place: str
    said: "Said | None"
    account: str | None


def _readable(
    files: Iterable[Path], by: "JudgedBy | None", bad: list[str], *, strict: bool
) -> Iterator[_Row]:
    """Each row; what is none goes to `bad`.

    Raises:
        CommandFailed: a file cannot be read; or a row, where it is to be strict.
    """
    from classifiers.errors import OutcomeError, RowError
    from classifiers.json_line import parsed
    from classifiers.outcome_files import lines_of
    from router.errors import InvalidRequest
    from router.outcomes.scored_row import account_in, said_in
    from router.outcomes.sinks import LINES

    for file in files:
        if not file.name.lower().endswith(LINES):
            raise CommandFailed(f"{file}: scores are read from {' and '.join(LINES)}")
        try:
            for number, line in enumerate(lines_of(file), start=1):
                place = f"{file.name}, line {number}"
                if not line.strip():
                    continue
                try:
                    row = parsed(line)
                    yield _Row(place, said_in(row, by), account_in(row))
                except (InvalidRequest, RowError) as error:
                    _bad(bad, f"{place}: {error}", strict=strict)
        except OutcomeError as error:
            raise CommandFailed(str(error)) from error


async def _taken(
    made: "SetUp",
    store: "Store",
    account: str | None,
    rows: Sequence[_Row],
    bad: list[str],
    *,
    strict: bool,
) -> dict[str, int]:
    """How many had which fate; what was refused goes to `bad`."""
    from router.cli.progress import told
    from router.errors import InvalidRequest, NotFound
    from router.outcomes.scoring import Fate, Scoring
    from router.outcomes.store import Outcomes
    from router.outcomes.terms import OutcomeTerms

    kept = made.settings.outcomes
    terms = OutcomeTerms(kept.retention_days, kept.kept_a_route)
    scoring = Scoring(store, Outcomes(store, terms), made.catalog.routes)
    counts = {fate.value: 0 for fate in Fate}
    everybody = await _accounts(store, account)
    with told("scoring") as progress:
        for at, row in enumerate(rows, start=1):
            if row.said is not None:
                names = everybody if account or row.account is None else [row.account]
                try:
                    counts[await scoring.take_of(names, row.said)] += 1
                except (InvalidRequest, NotFound) as error:
                    _bad(bad, f"{row.place}: {error.message}", strict=strict)
            progress("scoring", at / len(rows))
    return counts


def _bad(bad: list[str], what: str, *, strict: bool) -> None:
    if strict:
        raise CommandFailed(what)
    bad.append(what)
