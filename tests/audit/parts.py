"""Parts of an auditor for tests that need few of them."""

from router.audit.answering import Answering
from router.audit.auditor import Auditor
from router.audit.share import Shares
from router.bookkeeper import Bookkeeper
from router.clock import World
from router.outcomes.store import Outcomes
from router.providers.upstreams import Upstreams
from router.store.connection import Store


def no_audits(store: Store, books: Bookkeeper, upstreams: Upstreams, world: World) -> Auditor:
    """The auditor of a worker none of whose routes is audited."""
    shares = Shares(store, {}, {})
    answering = Answering(books, upstreams, world, shares.booked)
    return Auditor(
        lot=None, shares=shares, judges={}, answering=answering, outcomes=Outcomes(store), world=world
    )
