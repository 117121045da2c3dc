"""What `serve` says when it is up, of the routes whose quality is not proven as it should be."""

from pathlib import Path

from router.routes.thresholds import WATCH, Change, Thresholds
from tests.certificates import proven_on
from tests.service import Service

CONFIG = """
models:
  tiny: {provider: offline, model: small, price: {input: 0.1, output: 0.4}}
  big: {provider: offline, model: large, price: {input: 2, output: 10}}
routes:
  default: {small: tiny, large: big, threshold: 0.12}
  proven: {small: tiny, large: big, quality_floor: 0.95}
  floored: {small: tiny, large: big, quality_floor: 0.98}
"""


def test_each_route_that_lacks_its_proof_has_a_line_when_the_service_is_up(tmp_path: Path) -> None:
    service = Service(tmp_path, CONFIG)
    with service:
        sound = proven_on(service, "proven")
        put = Change("proven", sound.threshold, "ada", certificate=sound)
        service.in_store(lambda store: Thresholds(store).set(put))
        withdrawn = Change("default", 0.0, WATCH, "audits fell", None, sound, suspended=True)
        service.in_store(lambda store: Thresholds(store).set(withdrawn))
    assert (
        "  route floored: quality floor 0.98, and there is no certificate: all goes to large\n"
        in service.said
    )
    assert "route default" not in service.said
    with service:
        pass
    assert "  route default: the watch suspended its certificate: all goes to large\n" in service.said
    assert "  route floored: " in service.said
    assert "route proven" not in service.said
