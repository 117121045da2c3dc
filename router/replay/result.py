"""Everything a replay found, ready to be shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from router.replay.asked import Unreadable
from router.replay.comparison import Comparison, Side
from router.replay.configuration import Configuration
from router.replay.deciding import Replayed
from router.replay.replay import Result

RECORDED: Final = "recorded"
ASSUMES: Final = (
    "a query that another model answers costs that model's price at the same tokens: an assumption, for it "
    "would answer in other words"
)
_LONGEST_LIST: Final = 20


@dataclass(frozen=True, slots=True)
class Scoring:
    """Where the difficulties of one configuration come from.

    Attributes:
        again: scored for this replay from the text.
        recorded: the recorded ones, for no text is kept.
        by_others: those of `recorded` that another classifier gave than the configuration's.
        inferred: queries whose record is no longer kept: what they were decided on is inferred.
    """

    again: int
    recorded: int
    by_others: int
    inferred: int

    def as_json(self) -> dict[str, int]:
        """The wire form."""
        return {
            "scored_again": self.again,
            "recorded_difficulty": self.recorded,
            "of_another_classifier": self.by_others,
            "inputs_inferred": self.inferred,
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """What was replayed, each side of it, and the comparisons between them.

    Attributes:
        sides: `recorded` first where the service decided it, then each configuration.
        bad: what could not be replayed.
        left_open: recorded decisions that are still going on.
        as_recorded: comparison of what the service did with the first configuration; `None` for files.
        between: comparison of the two configurations; `None` of one.
    """

    rows: tuple[Replayed, ...]
    sides: tuple[Side, ...]
    scoring: tuple[Scoring, ...]
    bad: tuple[Unreadable, ...]
    left_open: int
    as_recorded: Comparison | None
    between: Comparison | None

    @classmethod
    def of(
        cls, results: Sequence[Result], configurations: Sequence[Configuration], *, left_open: int = 0
    ) -> "Findings":
        """Sorts what came of a replay through these configurations."""
        rows = tuple(one for one in results if isinstance(one, Replayed))
        bad = tuple(one for one in results if isinstance(one, Unreadable))
        made = [
            Side(one.label, tuple(row.decided[at] for row in rows)) for at, one in enumerate(configurations)
        ]
        past = [row.past for row in rows if row.past is not None]
        recorded = Side(RECORDED, tuple(past)) if rows and len(past) == len(rows) else None
        return cls(
            rows=rows,
            sides=(recorded, *made) if recorded else tuple(made),
            scoring=tuple(
                _scoring(rows, side, one.classifier.id)
                for side, one in zip(made, configurations, strict=True)
            ),
            bad=bad,
            left_open=left_open,
            as_recorded=Comparison.of(rows, recorded, made[0]) if recorded else None,
            between=Comparison.of(rows, made[0], made[1]) if len(made) > 1 else None,
        )

    @property
    def compared(self) -> Comparison | None:
        """What a reader came for: the two configurations, else what the service did and the one."""
        return self.between or self.as_recorded

    def bad_summary(self) -> list[str]:
        """The first bad rows as text, and how many more there are."""
        lines = [str(one) for one in self.bad[:_LONGEST_LIST]]
        more = len(self.bad) - len(lines)
        return [*lines, f"… and {more:,} more"] if more else lines

    def as_json(self, most_changes: int) -> dict[str, Any]:
        """The wire form, with at most so many of the queries that change tier."""
        made = [side for side in self.sides if side.label != RECORDED]
        return {
            "queries": len(self.rows),
            "bad_rows": len(self.bad),
            "bad": self.bad_summary(),
            "left_open": self.left_open,
            "sides": {
                side.label: {
                    **side.figures(self.rows).as_json(),
                    "routes": {name: figures.as_json() for name, figures in side.by_route(self.rows).items()},
                }
                for side in self.sides
            },
            "scoring": {
                side.label: scoring.as_json() for side, scoring in zip(made, self.scoring, strict=True)
            },
            "as_recorded": self.as_recorded and self.as_recorded.as_json(most_changes),
            "comparison": self.between and self.between.as_json(most_changes),
            "assumes": ASSUMES,
        }


def _scoring(rows: Sequence[Replayed], side: Side, classifier: str) -> Scoring:
    counts = Counter[str]()
    for row, one in zip(rows, side.decided, strict=True):
        if one.difficulty is None or not one.scored_by:
            continue
        counts["again" if one.scored_again else "recorded"] += 1
        counts["by_others"] += not one.scored_again and one.scored_by != classifier
        counts["inferred"] += not row.whole
    return Scoring(counts["again"], counts["recorded"], counts["by_others"], counts["inferred"])
