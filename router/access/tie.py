"""What a key is tied to: a team, a feature, routes."""

from typing import Final

import msgspec

from router.errors import InvalidRequest

_MOST_CHARS: Final = 128
_MOST_ROUTES: Final = 100


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is tied to; what is empty ties it to nothing.

    Attributes:
        team: the label every call with the key gets; another is refused.
        feature: the same.
        routes: the only ones it may ask, and no model by its own name.
    """

    team: str = ""
    feature: str = ""
    routes: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The labels it fills in, by name."""
        stated = {"team": self.team, "feature": self.feature}
        return {name: value for name, value in stated.items() if value}

    def check(self) -> None:
        """Whether a key may be tied so.

        Raises:
            InvalidRequest: a label or a route that no call could have.
        """
        for name, value in self.labels.items():
            if len(value) > _MOST_CHARS or not value.isprintable():
                raise InvalidRequest(f"a {name} takes 1 to {_MOST_CHARS} printable characters", param=name)
        if len(self.routes) > _MOST_ROUTES or not all(self.routes):
            raise InvalidRequest(f"a key is tied to at most {_MOST_ROUTES} routes, by name", param="routes")


UNTIED: Final = Tie()
