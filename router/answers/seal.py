"""Seals what is kept of answers: AES-256-GCM, bound to the name it is kept under.

The one file that imports cryptography.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from router.answers.keys import KEY_ID_BYTES, SealingKey

_FORM: Final = b"\x01"
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_HEAD: Final = len(_FORM) + KEY_ID_BYTES
_BODY: Final = _HEAD + _SALT_BYTES + _NONCE_BYTES


class SealBroken(Exception):  # noqa: N818 - says what is wrong with the bytes
    """Sealed bytes that do not open: changed, moved from another name, or sealed by a key we do not have."""


class Seal:
    """Seals by the first key and opens by any, so that keys can be changed while answers are kept.

    Each answer is sealed under a key of its own (HMAC-SHA256 of the key and a random salt), so that no
    number of answers wears a key out.
    """

    def __init__(self, keys: Sequence[SealingKey]) -> None:
        """Takes at least one key; the first seals."""
        self._first = keys[0]
        self._keys = {key.id: key for key in reversed(keys)}

    def seal(self, name: str, plain: bytes) -> bytes:
        """The sealed bytes; they open under this name only."""
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        head = _FORM + self._first.id
        sealed = AESGCM(_derived(self._first, salt)).encrypt(nonce, plain, head + name.encode())
        return head + salt + nonce + sealed

    def open(self, name: str, sealed: bytes) -> bytes:
        """The inverse of `seal`.

        Raises:
            SealBroken: nothing that was sealed under this name by a key we have. Says nothing of the content.
        """
        head, salt, nonce = (
            sealed[:_HEAD],
            sealed[_HEAD : _HEAD + _SALT_BYTES],
            sealed[_BODY - _NONCE_BYTES : _BODY],
        )
        key = self._keys.get(head[len(_FORM) :])
        if not sealed.startswith(_FORM) or len(sealed) < _BODY:
            raise SealBroken("these bytes were never sealed here")
        if key is None:
            raise SealBroken(f"sealed by key {head[len(_FORM) :].hex()}, which this service does not have")
        try:
            return AESGCM(_derived(key, salt)).decrypt(nonce, sealed[_BODY:], head + name.encode())
        except InvalidTag:
            raise SealBroken("the bytes were changed, or moved from another name") from None

    def digest(self, *parts: bytes) -> str:
        """A name that says nothing to whoever does not have the key: 64 hexadecimal digits."""
        mac = hmac.new(_derived(self._first, b"names"), digestmod=hashlib.sha256)
        for part in parts:
            mac.update(len(part).to_bytes(8, "big") + part)
        return mac.hexdigest()


def _derived(key: SealingKey, salt: bytes) -> bytes:
    return hmac.digest(key.secret, b"pennyroute answers " + salt, "sha256")
