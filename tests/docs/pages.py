"""The documentation as a reader meets it: pages, their links, headings and code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4}.*\n+)+)")
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    def blocks(self, language: str | None = None) -> list[str]:
        """The fenced blocks of a language; of `None`, every block, indented ones too."""
        fenced = FENCE.findall(self.text)
        if language is not None:
            return [block for name, block in fenced if name == language]
        prose = FENCE.sub("", self.text)
        return [*(block for _, block in fenced), *INDENTED.findall(prose)]

    def inline_code(self) -> list[str]:
        """The code within sentences."""
        return INLINE.findall(FENCE.sub("", self.text))

    def links(self) -> list[str]:
        """The targets of its links."""
        return LINK.findall(FENCE.sub("", self.text))

    def anchors(self) -> set[str]:
        """What a link may name after `#`, as GitHub makes it from the headings."""
        titles = (
            re.sub(r"[`*]", "", title).strip().lower() for title in HEADING.findall(FENCE.sub("", self.text))
        )
        return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def pages() -> list[Page]:
    """Every page that is kept by hand or made."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [Page(path, path.read_text("utf-8")) for path in sorted(paths)]


def page(name: str) -> Page:
    """One page, by its path in the repository."""
    return Page(ROOT / name, (ROOT / name).read_text("utf-8"))


def shell_lines(block: str) -> Iterator[str]:
    """The lines of a block, with continued ones joined and comments gone."""
    for line in re.sub(r"\\\n\s*", "", block).splitlines():
        yield re.sub(r"(^|\s)#.*$", "", line.strip())
