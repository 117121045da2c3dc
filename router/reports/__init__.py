"""Reports: what a period cost, by route, tier, model, team, feature or provider; exact to the nano-dollar."""

from router.reports.figures import Figures
from router.reports.grouping import DEFAULT_BY, parse_by
from router.reports.period import Period, parse_period
from router.reports.report import Group, Report, route_report
from router.reports.sheet import csv_text

__all__ = [
    "DEFAULT_BY",
    "Figures",
    "Group",
    "Period",
    "Report",
    "csv_text",
    "parse_by",
    "parse_period",
    "route_report",
]
