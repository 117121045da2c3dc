"""What a report groups by."""

import difflib
from collections.abc import Sequence

from router.errors import InvalidRequest
from router.ledger.entry import GROUP_NAMES

DEFAULT_BY = ("route",)


def parse_by(text: str | None) -> tuple[str, ...]:
    """`route,tier` as names, in the order written; `None` is by route.

    Raises:
        InvalidRequest: a name that is none, one written twice, or no name at all.
    """
    return DEFAULT_BY if text is None else check_by([name.strip() for name in text.split(",")])


def check_by(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if a report can group by them.

    Raises:
        InvalidRequest: as `parse_by`.
    """
    if not names or list(names) == [""]:
        raise InvalidRequest(f"by: takes at least one of {', '.join(GROUP_NAMES)}", param="by")
    for at, name in enumerate(names):
        if name not in GROUP_NAMES:
            near = difflib.get_close_matches(name[:40], GROUP_NAMES, 1)
            right = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(GROUP_NAMES)}"
            raise InvalidRequest(f"by: a report cannot group by {name[:40]!r}; {right}", param="by")
        if name in names[:at]:
            raise InvalidRequest(f"by: {name!r} is written twice", param="by")
    return tuple(names)
