"""What a worker remembers of what was acknowledged, and when it forgets it."""

from router.ledger.recent import Recent
from tests.ledger.examples import a_decision, an_entry


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def names(recent: Recent, account: str, primary: str = "p") -> list[str]:
    return [settled.entry.decision_id for settled in recent.untold(account, primary)]


def test_it_forgets_by_account_and_age():
    clock = Clock()
    recent = Recent(clock_s=clock)
    for second in range(3):
        clock.now_s = float(second)
        for account in ("acme", "zeta"):
            recent.add(account, an_entry(f"dec_{second}"), a_decision())
    recent.forget("acme", 2.0)
    assert names(recent, "acme") == ["dec_2"]
    assert names(recent, "zeta") == ["dec_0", "dec_1", "dec_2"]
    recent.forget("acme", 3.0)
    assert (recent.accounts(), len(recent)) == (["zeta"], 3)


def test_what_a_primary_was_told_it_is_not_told_twice_and_the_next_one_is():
    clock = Clock()
    recent = Recent(clock_s=clock)
    recent.add("acme", an_entry("dec_1"), a_decision())
    [settled] = recent.untold("acme", "second")
    clock.now_s = 40.0
    recent.told(settled, "second")
    recent.add("acme", an_entry("dec_2"), a_decision())
    assert names(recent, "acme", "second") == ["dec_2"]
    assert names(recent, "acme", "third") == ["dec_1", "dec_2"]
    recent.forget("acme", 40.0)
    assert names(recent, "acme", "third") == ["dec_1", "dec_2"], "acknowledged again just now"


def test_its_memory_is_bounded_at_the_cost_of_the_account_that_has_most():
    recent = Recent(most_bytes=100_000)
    recent.add("small", an_entry("dec_0"), b"x" * 100)
    for number in range(1_000):
        recent.add("large", an_entry(f"dec_{number}"), b"x" * 100)
        assert len(recent) * 2_100 <= 100_000
    assert names(recent, "small") == ["dec_0"]
    assert names(recent, "large")[-1] == "dec_999"
    assert recent.dropped == 1_001 - len(recent)
    recent.add("huge", an_entry("dec_1"), b"x" * 200_000)
    assert names(recent, "huge") == [], "one that does not fit at all is not kept at the others' cost"
    assert names(recent, "small") == ["dec_0"]
