"""A circuit opens when its upstream is ill, asks by one call, and closes when it is well."""

from hypothesis import given
from hypothesis import strategies as st

from router.providers.circuit import Circuit, CircuitRules, CircuitState, Outcome

RULES = CircuitRules(
    failures_in_a_row=3, failures_least=4, failure_share=0.5, window_s=10, open_s=5, open_most_s=12
)


def asked(circuit: Circuit, outcome: Outcome, now_s: float) -> bool:
    ticket = circuit.enter(now_s)
    if ticket is None:
        return False
    circuit.leave(ticket, outcome, now_s)
    return True


def opened() -> Circuit:
    circuit = Circuit(RULES)
    for _ in range(3):
        assert asked(circuit, Outcome.ILL, 0)
    assert circuit.state is CircuitState.OPEN
    return circuit


def test_failures_in_a_row_open_it_and_nothing_goes_through() -> None:
    circuit = opened()
    assert not asked(circuit, Outcome.WELL, 4.9)
    assert circuit.wait_s(2) == 3


def test_a_success_between_starts_the_row_again() -> None:
    circuit = Circuit(CircuitRules(failures_in_a_row=3, failures_least=100))
    for _ in range(20):
        asked(circuit, Outcome.ILL, 0)
        asked(circuit, Outcome.ILL, 0)
        asked(circuit, Outcome.WELL, 0)
    assert circuit.state is CircuitState.CLOSED


def test_a_share_of_failures_within_a_window_opens_it() -> None:
    circuit = Circuit(RULES)
    for _ in range(4):
        asked(circuit, Outcome.ILL, 1)
        asked(circuit, Outcome.WELL, 1)
    assert circuit.state is CircuitState.OPEN


def test_failures_of_an_old_window_are_forgotten() -> None:
    circuit = Circuit(RULES)
    for now_s in range(0, 200, 11):
        asked(circuit, Outcome.ILL, now_s)
        asked(circuit, Outcome.WELL, now_s)
    assert circuit.state is CircuitState.CLOSED


def test_one_call_probes_and_its_success_closes_it() -> None:
    circuit = opened()
    probe = circuit.enter(5)
    assert probe is not None
    assert circuit.enter(5) is None
    circuit.leave(probe, Outcome.WELL, 6)
    assert circuit.state is CircuitState.CLOSED
    assert circuit.wait_s(6) == 0


def test_each_failed_probe_doubles_the_wait_up_to_a_most() -> None:
    circuit = opened()
    assert asked(circuit, Outcome.ILL, 5)
    assert circuit.wait_s(5) == 10
    assert asked(circuit, Outcome.ILL, 15)
    assert circuit.wait_s(15) == 12


def test_a_probe_that_learns_nothing_leaves_its_turn_to_the_next() -> None:
    circuit = opened()
    assert asked(circuit, Outcome.SILENT, 5)
    assert asked(circuit, Outcome.WELL, 5)
    assert circuit.state is CircuitState.CLOSED


def test_calls_from_before_it_opened_do_not_judge_the_probe() -> None:
    circuit = Circuit(RULES)
    old = circuit.enter(0)
    assert old is not None
    for _ in range(3):
        asked(circuit, Outcome.ILL, 0)
    probe = circuit.enter(5)
    assert probe is not None
    circuit.leave(old, Outcome.ILL, 5)
    assert circuit.enter(5) is None
    circuit.leave(probe, Outcome.WELL, 5)
    assert circuit.state is CircuitState.CLOSED


@given(
    st.lists(
        st.tuples(st.sampled_from(Outcome), st.integers(0, 24).map(lambda eighths: eighths / 8)), max_size=60
    )
)
def test_it_never_stays_shut_longer_than_its_most(steps: list[tuple[Outcome, float]]) -> None:
    circuit, now_s = Circuit(RULES), 0.0
    for outcome, pause_s in steps:
        now_s += pause_s
        asked(circuit, outcome, now_s)
        assert circuit.wait_s(now_s) <= RULES.open_most_s
    assert asked(circuit, Outcome.WELL, now_s + RULES.open_most_s)
    assert circuit.state is CircuitState.CLOSED


@given(st.lists(st.sampled_from([Outcome.WELL, Outcome.SILENT]), max_size=50))
def test_an_upstream_that_is_well_is_never_left_alone(outcomes: list[Outcome]) -> None:
    circuit = Circuit(RULES)
    assert all(asked(circuit, outcome, 0) for outcome in outcomes)
