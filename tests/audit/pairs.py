"""Pairs of answers to judge."""

from router.audit.judge import Pair
from tests.ledger.decisions import a_decision


def a_pair(small: str, large: str) -> Pair:
    return Pair(a_decision(), small, large)
