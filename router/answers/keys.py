"""The keys that answers are sealed by: from the environment, else one of this installation."""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from router.errors import SetupError

VARIABLE: Final = "PENNYROUTE_ANSWERS_KEY"
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
FILE_NAME: Final = "answers.key"
_HEX_DIGITS: Final = 2 * KEY_BYTES
_FEWEST_DISTINCT: Final = 8  # 32 random bytes have fewer once in more than 10^30 keys
_HOW: Final = "make one with `openssl rand -base64 32`"


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key of 32 bytes.

    Attributes:
        id: of 4 bytes, from the key's own hash; stands beside what it sealed and says nothing of the key.
    """

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """See the class."""
        return hashlib.sha256(b"pennyroute answers key " + self.secret).digest()[:KEY_ID_BYTES]


def keys_from(environ: Mapping[str, str]) -> tuple[SealingKey, ...]:
    """The keys that `PENNYROUTE_ANSWERS_KEY` lists, separated by commas; none where it is not set.

    Raises:
        SetupError: one that is not 32 bytes in base64 or hexadecimal digits. The message never quotes it.
    """
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return ()
    return tuple(_read(part.strip(), f"{VARIABLE} (key {at})") for at, part in enumerate(text.split(","), 1))


def with_installation_key(keys: tuple[SealingKey, ...], data_dir: Path) -> tuple[SealingKey, ...]:
    """The keys to seal and open with: the given ones and the data directory's own, made where there is none.

    Raises:
        SetupError: the key's file cannot be read or written, or others may read it.
    """
    file = data_dir / FILE_NAME
    if keys and not file.exists():
        return keys
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _write(file)
        if file.stat().st_mode & 0o077:
            raise SetupError(f"{file} can be read by others, and opens kept answers; `chmod 600 {file}`")
        return (*keys, _read(file.read_text("ascii").strip(), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"{file}, the key that answers are sealed by, cannot be used ({error}); "
            f"mend that, or set {VARIABLE}"
        ) from error


def _write(file: Path) -> None:
    """Writes a fresh key; of several processes that do so at once, the first one's stays."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(secrets.token_hex(KEY_BYTES) + "\n")
        out.flush()
        os.fsync(out.fileno())
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()


def _read(text: str, where: str) -> SealingKey:
    secret = _decoded(text)
    if secret is None or len(secret) != KEY_BYTES:
        raise SetupError(f"{where}: expected {KEY_BYTES} bytes as base64 or hexadecimal digits; {_HOW}")
    if len(set(secret)) < _FEWEST_DISTINCT:
        raise SetupError(f"{where}: this key is not random; {_HOW}")
    return SealingKey(secret)


def _decoded(text: str) -> bytes | None:
    try:
        if len(text) == _HEX_DIGITS:
            return bytes.fromhex(text)
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        return base64.b64decode(padded, altchars=b"-_" if {"-", "_"} & set(text) else None, validate=True)
    except (ValueError, binascii.Error):
        return None


def check_cache_keys(routes: Sequence[str], keys: Sequence[SealingKey]) -> None:
    """Whether the routes that cache may: every worker and machine must open what another sealed.

    Raises:
        SetupError: there is no key in the environment.
    """
    if routes and not keys:
        raise SetupError(
            f"route {routes[0]}: cache needs a key to seal answers with, in the environment variable "
            f"{VARIABLE}; {_HOW}, or remove cache from the route"
        )
