"""Lua scripts: each in its own `.lua` file, next to the one package that runs it."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    """One Lua script.

    Attributes:
        name: the file's stem.
        source: its text, preludes first.
        may_fill: runs even when the store is over its memory limit (a settle must; a reserve must not).
        repeatable: running it twice changes nothing more and answers as well, so that it is sent again
            where a connection broke and nobody knows whether it ran.
    """

    name: str
    source: str
    may_fill: bool = False
    repeatable: bool = False

    def text(self, *, flags_known: bool) -> str:
        """The text to load; servers from 7.0 on understand the flags line, older ones refuse it."""
        if not flags_known:
            return self.source
        flags = "allow-oom" if self.may_fill else ""
        return f"#!lua flags={flags}\n{self.source}"

    def digest(self, *, flags_known: bool) -> str:
        """SHA-1 of `text`, the name the store knows it by."""
        return _digest(self.text(flags_known=flags_known))


@lru_cache(maxsize=128)
def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def read_script(
    package: str, name: str, *preludes: str, may_fill: bool = False, repeatable: bool = False
) -> Script:
    """Reads `name.lua` from `package`'s `scripts` folder, with the files it builds on before it."""
    folder = files(package) / "scripts"
    source = "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in (*preludes, name))
    return Script(name, source, may_fill, repeatable)
