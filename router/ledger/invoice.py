"""A provider's invoice as CSV: day, model and dollars, by whatever names its export has for them."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

ANY_MODEL: Final = ""
"""The model of an invoice that names none: its days are compared as wholes."""

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "date": (
        "date", "day", "usage_date", "usage_date_utc", "date_utc", "start_time_iso", "start_time",
        "start_date", "usage_start_date", "usage_start_time", "lineitem_usagestartdate", "created_at",
        "timestamp",
    ),
    "model": (
        "model", "model_name", "model_id", "model_version", "snapshot_id", "model_permaslug", "line_item",
        "sku_description", "sku",
    ),
    "amount_usd": (
        "amount_usd", "cost_usd", "amount_value", "amount", "cost", "total_cost", "cost_total", "cost_in_usd",
        "lineitem_unblendedcost",
    ),
    "currency": ("currency", "amount_currency", "lineitem_currencycode"),
}  # fmt: skip
_TOKENS: Final[tuple[tuple[str, ...], ...]] = (
    ("tokens",),
    ("total_tokens",),
    ("input_tokens", "output_tokens"),
    ("prompt_tokens", "completion_tokens"),
    ("tokens_prompt", "tokens_completion"),
    ("n_context_tokens_total", "n_generated_tokens_total"),
)
_AMOUNT: Final = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d{1,2})?")
_MOST_USD: Final = Decimal(10) ** 9
_LONGEST: Final = 100


class InvoiceUnreadable(ValueError):  # noqa: N818 - the name says what the file is
    """A file that is no invoice: no CSV, or without a day or dollars."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row.

    Attributes:
        day: in the invoice's time zone.
        model: as it is written there; `ANY_MODEL` where the file has no such column.
        usd: exact dollars; less than 0 for a credit.
        tokens: `None` where none are stated.
    """

    day: date
    model: str
    usd: Decimal
    tokens: int | None


@dataclass(slots=True)
class Invoice:
    """What a file says.

    Attributes:
        bad: rows that cannot be read, each with the line it ends on.
    """

    lines: list[Line] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def read_invoice(text: Iterable[str], zone: ZoneInfo) -> Invoice:
    """An invoice, row by row.

    Args:
        text: the lines of a CSV with a header.
        zone: the invoice's time zone: which day a moment with an offset is in.

    Raises:
        InvoiceUnreadable: no header with a day and an amount.
    """
    rows = csv.DictReader(text, strict=True)
    found = Invoice()
    try:
        columns = _columns(rows.fieldnames or ())
        for row in _rows(rows, found):
            try:
                found.lines.append(_line(row, columns, zone))
            except ValueError as error:
                found.bad.append(f"line {rows.line_num}: {error}")
    except csv.Error as error:
        raise InvoiceUnreadable(f"line {rows.line_num}: not CSV: {error}") from error
    return found


def _rows(rows: "csv.DictReader[str]", found: Invoice) -> Iterator[dict[str, str]]:
    for row in rows:
        if None in row or None in row.values():
            found.bad.append(f"line {rows.line_num}: it has not as many cells as the header has names")
        elif any(value.strip() for value in row.values()):
            yield row


def _columns(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which of the file's columns mean what."""
    by_plain = {re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_"): name for name in names}
    found: dict[str, tuple[str, ...]] = {
        meaning: (next(by_plain[name] for name in known if name in by_plain),)
        for meaning, known in _NAMES.items()
        if by_plain.keys() & set(known)
    }
    for meaning in ("date", "amount_usd"):
        if meaning not in found:
            raise InvoiceUnreadable(
                f"it has no column {meaning}: there are {', '.join(by_plain.values()) or 'none'}; "
                f"any of these will do: {', '.join(_NAMES[meaning])}"
            )
    for together in _TOKENS:
        if by_plain.keys() >= set(together):
            found["tokens"] = tuple(by_plain[name] for name in together)
            break
    return found


def _line(row: Mapping[str, str], columns: Mapping[str, tuple[str, ...]], zone: ZoneInfo) -> Line:
    def cell(meaning: str) -> str:
        return row[columns[meaning][0]].strip() if meaning in columns else ""

    currency = cell("currency")
    if currency and currency.lower() != "usd":
        raise ValueError(f"the currency is {_shown(currency)}; only US dollars can be compared")
    model = cell("model").partition(",")[0].strip()  # a line item such as `gpt-4o-2024-08-06, input`
    if "model" in columns and not model:
        raise ValueError("it names no model")
    tokens = [row[name].strip() for name in columns.get("tokens", ())]
    return Line(_day(cell("date"), zone), model, _usd(cell("amount_usd")), _tokens(tokens))


def _day(text: str, zone: ZoneInfo) -> date:
    """A date, a datetime, or Unix seconds; without an offset it is as the invoice means it."""
    if re.fullmatch(r"\d{9,10}", text):
        return datetime.fromtimestamp(int(text), UTC).astimezone(zone).date()
    try:
        moment = datetime.fromisoformat(text.replace("/", "-").removesuffix(" UTC"))
    except ValueError:
        raise ValueError(f"{_shown(text)} is no date such as 2026-11-24") from None
    if text.endswith(" UTC"):
        moment = moment.replace(tzinfo=UTC)
    return moment.date() if moment.tzinfo is None else moment.astimezone(zone).date()


def _usd(text: str) -> Decimal:
    plain = text.removeprefix("$").removesuffix("USD").strip()
    if not _AMOUNT.fullmatch(plain) or not re.search(r"\d", plain) or len(plain) > _LONGEST:
        raise ValueError(f"{_shown(text)} is no amount of dollars such as 12.50")
    try:
        amount = Decimal(plain.replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"{_shown(text)} is no amount of dollars such as 12.50") from None
    if abs(amount) > _MOST_USD:
        raise ValueError(f"{_shown(text)} is too much to be meant")
    return amount


def _tokens(texts: list[str]) -> int | None:
    if not any(texts):
        return None
    if not all(re.fullmatch(r"\d{1,18}", text or "0") for text in texts):
        raise ValueError(f"{_shown(' and '.join(texts))} is no count of tokens")
    return sum(int(text or "0") for text in texts)


def _shown(text: str) -> str:
    return repr(text[:_LONGEST])
