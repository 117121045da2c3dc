"""Names of keys: one hash tag an account, so that a script sees all of one account and none of another."""

from dataclasses import dataclass

ROOT = "pr"


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """The key names of one account."""

    account: str

    @property
    def prefix(self) -> str:
        """What every key of the account starts with."""
        return f"{ROOT}:{{{self.account}}}:"

    @property
    def version(self) -> str:
        """Counts every change of thresholds, keys and budgets; a reserve carries the one it knows."""
        return f"{self.prefix}version"

    @property
    def holds(self) -> str:
        """Sorted set: attempt id → expiry, milliseconds of the store's time."""
        return f"{self.prefix}holds"

    @property
    def entries(self) -> str:
        """Stream of ledger entries."""
        return f"{self.prefix}entries"

    @property
    def hours(self) -> str:
        """Sorted set of the hours (Unix hours) that have counters."""
        return f"{self.prefix}hours"

    @property
    def archived(self) -> str:
        """Hash: up to where entries have left the store, and which export of which day they left for."""
        return f"{self.prefix}archived"

    def attempt(self, attempt_id: str) -> str:
        """Hash: state of one attempt, its hold while it is open."""
        return f"{self.prefix}attempt:{attempt_id}"

    def decision(self, decision_id: str) -> str:
        """Hash: the decision and its attempts, as JSON."""
        return f"{self.prefix}decision:{decision_id}"

    def counters(self, hour: int) -> str:
        """Hash: the counters of one hour."""
        return f"{self.prefix}counters:{hour}"

    def outcome(self, decision_id: str) -> str:
        """Text: the outcome of one decision, as JSON."""
        return f"{self.prefix}outcome:{decision_id}"

    def outcomes(self, route: str) -> str:
        """Sorted set: decisions of a route that were audited → Unix milliseconds of the decision."""
        return f"{self.prefix}outcomes:{route}"

    def undrawn(self, route: str) -> str:
        """Sorted set: those that somebody scored and nobody drew, which may push out only each other."""
        return f"{self.prefix}undrawn:{route}"

    def unscored(self, route: str) -> str:
        """Sorted set: those of them that were audited and whose scores are missing for a reason."""
        return f"{self.prefix}unscored:{route}"

    @property
    def outcome_routes(self) -> str:
        """Set of the routes that have outcomes."""
        return f"{self.prefix}outcome-routes"

    @property
    def uncounted(self) -> str:
        """Sorted set: audited decisions whose scores are complete and that the watch has not been told of."""
        return f"{self.prefix}uncounted"

    def claim(self, name: str) -> str:
        """Hash: the request that has an idempotency key, and its sealed answer."""
        return f"{self.prefix}once:{name}"

    def cached(self, name: str) -> str:
        """Text: a sealed answer in a route's cache."""
        return f"{self.prefix}answer:{name}"

    def cache_index(self, route: str) -> str:
        """Sorted set: answers in a route's cache → expiry, milliseconds of the store's time."""
        return f"{self.prefix}answers:{route}"

    def cache_sizes(self, route: str) -> str:
        """Hash: the same → bytes, and `total`."""
        return f"{self.prefix}answer-sizes:{route}"

    def groups(self, hour: int) -> str:
        """Number: the groups that are counted under labels of their own in one hour."""
        return f"{self.prefix}groups:{hour}"

    @property
    def budgets(self) -> str:
        """Hash: budget id → the budget as JSON."""
        return f"{self.prefix}budgets"

    @property
    def held(self) -> str:
        """Hash: attempt id → what it holds of budgets, a line for each window; only while it is held."""
        return f"{self.prefix}held"

    @property
    def windows(self) -> str:
        """Sorted set: name of a window → when its key expires, Unix milliseconds."""
        return f"{self.prefix}windows"

    def window(self, name: str) -> str:
        """Hash: what is left of one budget in one window of time."""
        return f"{self.prefix}left:{name}"


SETTINGS_PREFIX = f"{ROOT}:{{settings}}:"


def threshold_key(route: str) -> str:
    """Hash: the threshold in force on a route."""
    return f"{SETTINGS_PREFIX}threshold:{route}"


def threshold_history_key(route: str) -> str:
    """List: every threshold a route has had, newest first."""
    return f"{SETTINGS_PREFIX}thresholds:{route}"


def watch_key(route: str) -> str:
    """Hash: what the watch on a route's certificate remembers."""
    return f"{SETTINGS_PREFIX}watch:{route}"


def watched_key(route: str) -> str:
    """Sorted set: decisions the watch has counted, by when."""
    return f"{SETTINGS_PREFIX}watched:{route}"


API_KEYS = f"{SETTINGS_PREFIX}keys"
ACCOUNTS = f"{SETTINGS_PREFIX}accounts"
SETTINGS_VERSION = f"{SETTINGS_PREFIX}version"
PRICE_BOOKS = f"{SETTINGS_PREFIX}books"
"""Hash: version of a price book → its snapshot, written once."""
AUDIT_SALT = f"{SETTINGS_PREFIX}audit_salt"
"""32 bytes nobody may see: who knows them knows which decisions will be audited."""
