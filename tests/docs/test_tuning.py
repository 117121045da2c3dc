"""A stranger who follows docs/tuning.md from made-up outcomes to a certified threshold: every command is run."""

import json
import re
from pathlib import Path

from tests.docs.pages import page
from tests.docs.test_readme import Reader
from tests.service import Service

PAGE = "docs/tuning.md"
SERVE = "pennyroute serve"


def walk_through() -> list[tuple[str, str]]:
    """Language and text of each block of the walk-through, in order."""
    _, _, rest = page(PAGE).text.partition("## The walk-through")
    section, _, _ = rest.partition("\n## ")
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_five_commands_lead_from_outcomes_to_a_threshold_in_force():
    blocks = [block for language, block in walk_through() if language == "sh"]
    before = blocks[: blocks.index(f"{SERVE}\n")]
    assert [block.split()[:2] for block in before] == [
        ["pennyroute", "outcomes"],
        ["pennyroute", "train"],
        ["pennyroute", "evaluate"],
        ["pennyroute", "tune"],
        ["pennyroute", "tune"],
    ]


def test_the_walk_through_ends_with_a_decision_that_names_its_certificate(tmp_path: Path):
    service = Service(tmp_path)
    reader = Reader(service)
    shown: list[str] = []
    try:
        for language, block in walk_through():
            if language == "yaml":
                (service.folder / "pennyroute.yaml").write_text(block)
            elif block.strip() == SERVE:
                service.start()
            else:
                shown.append(reader.run_shell(block))
    finally:
        if service.process is not None:
            service.stop()
    tried, applied, answered = shown[-3:]
    assert "Nothing was changed" in tried
    certificate = re.search(r"Certificate (crt_[0-9a-f]{12})", applied)
    assert certificate is not None
    assert "In force now: default: 0 →" in applied
    decision = json.loads(answered)["decision"]
    assert decision["certificate"] == certificate[1]
    assert decision["tier"] == "small"
