"""docs/audit.md says what there is."""

import re

from router.audit.keeping import ROOM_BYTES
from router.audit.missing import Missing
from router.audit.opening import PATIENCE_S
from router.audit.schema import DEEPEST_ANSWER
from router.audit.share import FIRST_SHARE
from router.settings.audit import WORDS
from router.store.keys import AUDIT_SALT
from tests.docs.pages import page

TEXT = page("docs/audit.md").text


def test_every_reason_is_in_the_table_and_no_other():
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", TEXT.partition("## What is missing")[2], re.MULTILINE
    )
    assert sorted(rows) == sorted(["missing", *Missing])  # and the head of the table


def test_every_judge_that_is_a_word_is_in_the_table():
    for word in WORDS:
        assert f"\n| `{word}` |" in TEXT


def test_the_numbers_are_the_codes():
    assert f"gives its audits {PATIENCE_S:g} seconds" in TEXT
    assert f"nested over {DEEPEST_ANSWER} deep" in TEXT
    assert f"room for {ROOM_BYTES >> 20} MiB in each worker" in TEXT
    assert (FIRST_SHARE, "one query in a hundred is drawn" in TEXT) == (0.01, True)
    assert f"`{AUDIT_SALT}`" in TEXT
