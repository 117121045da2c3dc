"""JSON as its standard has it: no NaN, no key twice in one object, nothing nested without end."""

import json
from typing import Any

from classifiers.errors import RowError


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        RowError: it is none; the text says why.
    """
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON ({error.msg} at column {error.colno})") from error
    except UnicodeDecodeError as error:
        raise RowError(f"not utf-8 text (byte {error.start + 1})") from error
    except RecursionError as error:
        raise RowError("not JSON that can be read (nested too deeply)") from error
    except RowError:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise RowError("not JSON that can be read (a number of too many digits)") from error


def _no_number(name: str) -> Any:
    raise RowError(f"not JSON ({name} is no number there; unknown is null)")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RowError(f'ambiguous (the key "{twice[:80]}" stands twice in one object)')
    return found
