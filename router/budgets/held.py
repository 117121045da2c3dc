"""What an attempt holds of a budget, as the store keeps it."""

from collections.abc import Iterable

import msgspec

from router.budgets.budget import Unit


class Held(msgspec.Struct, frozen=True, array_like=True):
    """What is held for an attempt in one window.

    Attributes:
        window: its name.
        unit: what the amount counts.
        bucket: the part of a rolling window it counts in, in parts since 1970; 0 in any other window.
        amount: nano-dollars or tokens.
    """

    window: str
    unit: Unit
    bucket: int
    amount: int


def held_lines(held: Iterable[Held]) -> str:
    """As the scripts keep it: a line for each window."""
    return "".join(f"{one.window} {one.unit} {one.bucket} {one.amount}\n" for one in held)


def read_held(raw: bytes) -> tuple[Held, ...]:
    """The inverse of `held_lines`.

    Raises:
        ValueError: another version wrote it.
    """
    found = []
    for line in raw.decode().splitlines():
        window, unit, bucket, amount = line.split(" ")
        found.append(Held(window, Unit(unit), int(bucket), int(amount)))
    return tuple(found)
