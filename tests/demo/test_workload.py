"""The sample workload is large, varied and labelled."""

import unicodedata
from collections import Counter

import pytest

from router.demo.workload import DemoQuery, read_workload
from router.settings import SAMPLE_ROUTES, load_settings

WORKLOAD = read_workload()


def test_there_are_at_least_220_queries_and_no_two_are_alike():
    assert len(WORKLOAD) >= 220
    assert len({query.query.casefold() for query in WORKLOAD}) == len(WORKLOAD)
    assert len({query.id for query in WORKLOAD}) == len(WORKLOAD)


def test_every_route_of_the_offline_service_has_a_good_share_of_the_queries():
    shares = Counter(query.route for query in WORKLOAD)
    assert set(shares) == set(SAMPLE_ROUTES) == set(load_settings(None, {}).routes)
    assert min(shares.values()) >= 30


def test_every_query_names_a_team_and_a_feature():
    assert all(query.team and query.feature and query.query.strip() for query in WORKLOAD)


def test_the_prompt_variants_are_asked_about_the_same_messages():
    messages = {"A": set(), "B": set()}
    for query in WORKLOAD:
        if query.experiment is not None:
            messages[query.variant].add(query.query.partition("\n\nMessage: ")[2])
    assert len(messages["A"]) >= 20
    assert messages["A"] == messages["B"]


def test_queries_are_short_and_long_and_in_several_scripts():
    lengths = sorted(len(query.query) for query in WORKLOAD)
    assert lengths[len(lengths) // 4] < 80
    assert lengths[-20] > 300
    text = "".join(query.query for query in WORKLOAD)
    names = {unicodedata.name(character, "").split(" ")[0] for character in text}
    assert {"LATIN", "CYRILLIC", "HIRAGANA", "CJK", "ARABIC"} <= names


@pytest.mark.parametrize("query", WORKLOAD[:5], ids=lambda query: query.id)
def test_a_body_has_only_what_complete_takes(query: DemoQuery):
    body = query.body(query.route)
    assert set(body) == {"query", "route", "metadata"}
    assert all(isinstance(value, str) for value in body["metadata"].values())


def test_a_query_that_another_route_stands_in_for_keeps_its_own_in_the_feature():
    query = DemoQuery("x", "support", "Where is my order?", "support", "order-status")
    body = query.body("default")
    assert body["route"] == "default"
    assert body["metadata"]["feature"] == "support/order-status"
