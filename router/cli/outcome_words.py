"""What the outcomes commands say of what they did."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from router.cli.output import Column, for_programs, plain, print_table, to_person
from router.moments import minute
from router.outcomes.export import Exported
from router.outcomes.record import OutcomeRecord
from router.outcomes.sample import Sample

_MOST_SHOWN: Final = 20


def nothing_to_draw(found: Sample, route: str | None) -> str:
    """Why there is no sample."""
    where = f" of route {route!r}" if route else ""
    if found.without_texts:
        return (
            f"{found.without_texts:,} outcomes{where} could be scored by hand, but their prompts or answers "
            "are not kept: set `store_prompts: true` on the route, and what is audited from then on can be"
        )
    already = f" that a hand has not scored already ({found.by_hand:,} have been)" if found.by_hand else ""
    return f"there are no audited outcomes{where} with a judge's scores{already}"


def tell_drawn(found: Sample, out: Path) -> None:
    """What was drawn, and what to do with it."""
    note(f"{len(found.rows):,} of {found.eligible:,} outcomes drawn: {out}")
    if found.without_texts:
        note(
            f"{found.without_texts:,} more could not be drawn, because their prompts or answers are not "
            "kept: the sample says nothing of those"
        )
    note(f"Fill in `hand` in each row, then: pennyroute outcomes import {out}")


def tell_exported(done: Exported) -> None:
    """What was written, and what was not."""
    by_hand = f" and {done.hand:,} scored by hand" if done.hand else ""
    note(f"{done.rows:,} rows{by_hand}")
    if done.incomplete:
        note(f"{done.incomplete:,} outcomes left out: a score is missing (--incomplete writes them too)")
    if done.unreadable:
        note(f"{done.unreadable:,} outcomes left out: neither their prompt nor a difficulty is kept")
    if done.undrawn:
        note(
            f"{done.undrawn:,} outcomes were not drawn by the audit but scored by somebody's choice: no "
            'random sample, so leave them ("drawn": false) out of what is to certify'
        )
    if done.undrawn_left_out:
        note(
            f"{done.undrawn_left_out:,} outcomes left out: nobody drew them, somebody chose to score them "
            "(--undrawn writes them too)"
        )


def tell_imported(counts: Mapping[str, int], bad: Sequence[str]) -> None:
    """What was taken, and what was not."""
    for line in bad[:_MOST_SHOWN]:
        to_person().print(f"not used: {plain(line)}", style="yellow", soft_wrap=True)
    if len(bad) > _MOST_SHOWN:
        note(f"… and {len(bad) - _MOST_SHOWN:,} more")
    for_programs().print(
        f"{counts['scored']:,} scored, {counts['unchanged']:,} unchanged, {counts['blank']:,} not filled in, "
        f"{len(bad):,} bad",
        style="bold",
        soft_wrap=True,
    )


def print_outcomes(found: Sequence[tuple[str, OutcomeRecord]]) -> None:
    """A table of outcomes, each with its account."""
    several = len({account for account, _ in found}) > 1
    columns = (
        Column("decision", whole=True),
        *((Column("account"),) if several else ()),
        Column("at", whole=True),
        Column("route"),
        Column("tier", whole=True),
        Column("difficulty", right=True, whole=True),
        Column("small", right=True, whole=True),
        Column("large", right=True, whole=True),
        Column("judged by"),
        Column("by hand", whole=True),
        Column("missing"),
    )
    rows = [
        (
            one.id,
            *((account,) if several else ()),
            minute(one.at_ms),
            one.route,
            one.tier,
            None if one.difficulty is None else f"{one.difficulty:.3f}",
            _score(one.small.score),
            _score(one.large.score),
            one.judged_by or "-",
            "-" if one.hand is None else f"{_score(one.hand.small)} / {_score(one.hand.large)}",
            one.missing or "-",
        )
        for account, one in found
    ]
    print_table(columns, rows)


def _score(score: float | None) -> str:
    return "-" if score is None else f"{score:g}"


def note(text: str) -> None:
    """A line for the person."""
    to_person().print(plain(text), soft_wrap=True)
