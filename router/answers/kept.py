"""An HTTP answer as it is kept: its status, its headers and its bytes."""

from typing import Any

import msgspec


class KeptAnswer(msgspec.Struct, frozen=True, array_like=True):
    """What a caller got.

    Attributes:
        headers: without those that every answer carries.
        body: of a stream all its pieces, joined.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def __repr__(self) -> str:
        return f"KeptAnswer({self.status}, {len(self.body)} bytes)"


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(KeptAnswer)


def encode_kept(answer: KeptAnswer) -> bytes:
    """The bytes to seal."""
    return _encoder.encode(answer)


def decode_kept(raw: bytes) -> KeptAnswer:
    """The inverse of `encode_kept`.

    Raises:
        msgspec.DecodeError: not a kept answer.
    """
    found: Any = _decoder.decode(raw)
    assert isinstance(found, KeptAnswer)
    return found
