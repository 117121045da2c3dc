from router.reports import Figures
from tests.docs.pages import page


def test_every_figure_of_a_report_is_explained():
    told = page("docs/reports.md").inline_code()
    assert [name for name in Figures(0).as_json() if name not in told] == []
