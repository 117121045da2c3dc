"""The measured figures of the shipped artifact as `docs/classifier.md` shows them, written from its manifest.

`python -m classifiers.figures docs/classifier.md` brings the page up to date.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED

BEGIN: Final = "<!-- figures: made from the shipped manifest by `make docs`; do not edit by hand -->"
END: Final = "<!-- /figures -->"

_KINDS: Final = {
    "random": "random: traffic stays alike",
    "grouped": "grouped: new kinds of query",
    "leave-one-file-out": "leave one file out: new kinds of query, other models",
}


def figures(manifest: dict[str, Any]) -> str:
    """Tables in Markdown: rankings, the same by file, and what the default threshold makes of the rows."""
    folds = manifest["out_of_fold"]
    return "\n".join((*_rankings(manifest, folds), "", *_by_file(folds), "", *_routed(manifest, folds)))


def _rankings(manifest: dict[str, Any], folds: dict[str, Any]) -> Iterator[str]:
    data = manifest["data"]
    copies = data["groups_of_near_copies"]
    yield f"`{manifest['name']}`, {data['rows']:,} rows, {copies:,} groups of near-copies."
    yield ""
    yield "| folds | shipped | form alone | length alone | calibration error | unfamiliar |"
    yield "|---|---|---|---|---|---|"
    for kind, one in folds.items():
        shown = (one["chosen"], one["form_alone"], one["length_alone"])
        cells = " | ".join(map(_apgr, shown))
        error, strange = one["calibration_error"], one["unfamiliar_share"]
        yield f"| {_KINDS[kind]} | {cells} | {error:.3f} | {strange:.1%} |"


def _by_file(folds: dict[str, Any]) -> Iterator[str]:
    yield "| file | folds | shipped | form alone | length alone | better than length by (95 %, paired) |"
    yield "|---|---|---|---|---|---|"
    for kind, judged in folds.items():
        for file, one in judged["by_file"].items():
            shown = (one["chosen"], one["form_alone"], one["length_alone"])
            cells = " | ".join(map(_apgr, shown))
            apart = one["better_than"]["length_alone"]
            interval = f"{apart['difference']:+.3f} ({apart['low']:+.3f} to {apart['high']:+.3f})"
            yield f"| {file} | {kind} | {cells} | {interval} |"


def _routed(manifest: dict[str, Any], folds: dict[str, Any]) -> Iterator[str]:
    threshold = manifest["default_threshold"]
    yield f"| folds, at {threshold:g} | to large | quality | of always large | always small | always large |"
    yield "|---|---|---|---|---|---|"
    for kind, judged in folds.items():
        one = judged["at_default_threshold"]
        kept = one["quality"] / one["always_large"]
        yield (
            f"| {kind} | {one['large_share']:.1%} | {one['quality']:.3f} | {kept:.1%} "
            f"| {one['always_small']:.3f} | {one['always_large']:.3f} |"
        )


def _apgr(one: dict[str, Any]) -> str:
    if one["apgr"] is None:
        return "none"
    return f"{one['apgr']:.3f} ± {one['standard_error']:.3f}"


def with_figures(page: str, manifest: dict[str, Any]) -> str:
    """The page with its figures brought up to date.

    Raises:
        ValueError: the page has no place for them.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs {BEGIN} and {END} around the figures")
    return f"{before}{BEGIN}\n\n{figures(manifest)}\n\n{END}{after}"


def main(path: Path) -> None:
    """Writes the figures into the page."""
    page = path.read_text(encoding="utf-8")
    path.write_text(with_figures(page, read_artifact(SHIPPED).manifest), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
