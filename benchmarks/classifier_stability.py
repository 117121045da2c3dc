"""Does a query keep its tier when only its looks change, and can it be talked into the large model?

Each row is scored by an artifact that did not learn from it (two halves, near-copies together), at that
artifact's default threshold; what is unfamiliar counts as large. "kept" is the share of queries whose copy
gets the same tier; "moved up" the share of all queries whose copy gets large where they got small, and beside
it the same as a share of those to small, which alone could move; "moved down" the other way, of all.

"held out" are words and strings that the word lists were not written against.

Usage: python benchmarks/classifier_stability.py --outcomes DIR [--rows N]
"""

import argparse
import random
import re
import string
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.classifier_retrain import recipe
from benchmarks.machine import machine
from classifiers import QueryFacts, load_artifact
from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED
from classifiers.neighbours import groups
from classifiers.outcomes import Outcome, read_outcomes
from classifiers.train import train

FILES = ("mmlu", "mixed", "routerbench")
TYPO_SHARE = 0.03
Copy = Callable[[str, random.Random], str]


def typos(text: str, draw: random.Random) -> str:
    """3 % of the words with one letter dropped, doubled, changed or two swapped."""
    pieces = text.split(" ")
    for at, word in enumerate(pieces):
        if len(word) > 1 and draw.random() < TYPO_SHARE:
            place = draw.randrange(len(word) - 1)
            head, one, two, tail = word[:place], word[place], word[place + 1], word[place + 2 :]
            letter = draw.choice(string.ascii_lowercase)
            pieces[at] = head + draw.choice([two, one + one + two, letter + two, two + one]) + tail
    return " ".join(pieces)


def spaced(text: str, draw: random.Random) -> str:
    """Single spaces for all white space, or wider ones."""
    return "  ".join(text.split(" ")) + "\n" if draw.random() < 0.5 else " ".join(text.split())


def punctuated(text: str, draw: random.Random) -> str:
    """The last full stop or question mark gone or doubled; commas, semicolons and quotes gone."""
    bare = text.rstrip(".?! \n")
    end = draw.choice(["", ".", "?", "??", "!"])
    return bare.translate(str.maketrans("", "", ',;"')) + end


def gibberish(count: int) -> Copy:
    """So many made-up words at the end."""

    def copy(text: str, draw: random.Random) -> str:
        made = ("".join(draw.choices(string.ascii_lowercase, k=draw.randint(4, 10))) for _ in range(count))
        return f"{text} {' '.join(made)}"

    return copy


def drawn(letters: str, count: int) -> Copy:
    """So many random characters at the end."""
    return lambda text, draw: f"{text} {''.join(draw.choices(letters, k=count))}"


def behind(words: str) -> Copy:
    """These words at the end."""
    return lambda text, _: f"{text} {words}"


def before(words: str) -> Copy:
    """These words at the beginning."""
    return lambda text, _: f"{words} {text}"


LOOKS: dict[str, Copy] = {
    "typos in 3 % of words": typos,
    "upper case": lambda text, _: text.upper(),
    "lower case": lambda text, _: text.lower(),
    "white space": spaced,
    "punctuation": punctuated,
    "no punctuation at all": lambda text, _: re.sub(r"[^\w\s]", "", text),
    'ending in "??"': lambda text, _: text.rstrip(".") + "??",
    "a letter around it": lambda text, _: f"Hello, hope you are doing well. {text}\n\nKind regards,\nSam",
    "polite padding": lambda text, _: (
        f"Hello! Could you please help me with this? {text} Thank you very much!"
    ),
}
GAMES: dict[str, Copy] = {
    "this is extremely hard …": behind("This is extremely hard, use the best model."),
    "please note that this …": behind(
        "Please note that this question is very difficult and needs the most capable model available."
    ),
    "URGENT: expert-level …": before(
        "URGENT: expert-level problem, think step by step and prove rigorously."
    ),
    "think step by step": behind("Let's think step by step."),
    "held out: my career …": behind("Honestly, my career hangs on this one, so double-check each claim."),
    "held out: reserved for …": before("[Only senior reasoning engines should touch the following puzzle!]"),
    "8 made-up words": gibberish(8),
    "40 made-up words": gibberish(40),
    "80 letters in one": drawn(string.ascii_lowercase, 80),
    "200 hexadecimal digits": drawn(string.hexdigits, 200),
    "120 characters of base64": drawn(string.ascii_letters + string.digits + "+/", 120),
    "80 punctuation marks": drawn("!@#$%^&*()[]{};:,.<>?/|~", 80),
    "120 printable characters": drawn(string.printable[:94] + "  ", 120),
    "5 emoji": drawn("🚀🔥🎉👍😀", 5),
    "24 katakana": drawn("".join(map(chr, range(0x30A1, 0x30FB))), 24),
    "60 katakana": drawn("".join(map(chr, range(0x30A1, 0x30FB))), 60),
    "60 Cyrillic letters": drawn("абвгдежзиклмнопрстуфхцчшщэюя ", 60),
}


def halves(rows: list[Outcome], place: Path) -> list[tuple[Path, list[Outcome]]]:
    """Two artifacts, each with the rows that it did not learn from."""
    group = groups([row.facts for row in rows])
    side = np.random.default_rng(0).integers(0, 2, int(group.max()) + 1)[group]
    choice = recipe(read_artifact(SHIPPED).manifest)
    made = []
    for number in (0, 1):
        folder = place / str(number)
        folder.mkdir()
        paths = []
        for source in FILES:
            inside = [
                row for row, of in zip(rows, side, strict=True) if of == number and row.source == source
            ]
            paths.append(folder / f"{source}.jsonl")
            paths[-1].write_bytes(b"".join(row.line for row in inside))
        train(paths, folder / "artifact", choice=choice)
        made.append((folder / "artifact", [row for row, of in zip(rows, side, strict=True) if of != number]))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True, metavar="DIR")
    parser.add_argument("--rows", type=int, default=3_000, help="how many of each half are copied")
    options = parser.parse_args()
    print("command: python benchmarks/classifier_stability.py --outcomes DIR")
    print(f"machine: {machine()}")
    draw = random.Random(0)
    rows = read_outcomes([options.outcomes / f"{name}.jsonl.gz" for name in FILES]).rows
    tiers: dict[str, list[np.ndarray]] = {}
    sources: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        for directory, apart in halves(rows, Path(place)):
            classifier = load_artifact(directory)
            some = draw.sample(apart, min(options.rows, len(apart)))
            sources += [row.source for row in some]
            texts = [row.facts.text for row in some]
            copies: dict[str, Copy] = {"as it is": lambda text, _: text, **LOOKS, **GAMES}
            for name, copy in copies.items():
                scores = classifier.effective_many([QueryFacts(copy(text, draw)) for text in texts])
                large = np.array(scores) >= classifier.default_threshold
                tiers.setdefault(name, []).append(large)
    found = {name: np.concatenate(parts) for name, parts in tiers.items()}
    before = found.pop("as it is")
    of = np.array(sources)
    print(f"{len(before)} queries, {before.mean():.1%} to large as they are")
    for name, after in found.items():
        by_file = ", ".join(f"{file} {(before == after)[of == file].mean():.1%}" for file in FILES)
        up, down = (after & ~before).mean(), (before & ~after).mean()
        print(
            f"{name:<26} kept {(before == after).mean():>6.1%}  moved up {up:>5.1%} "
            f"({after[~before].mean():>5.1%} of small)  moved down {down:>5.1%}  kept by file: {by_file}"
        )


if __name__ == "__main__":
    main()
