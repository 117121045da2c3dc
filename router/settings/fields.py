"""The kinds of value a configuration field can have, each with its check and its words for what is wrong."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from router.pricing.errors import PricingError
from router.pricing.money import exact_decimal, parse_usd_per_million
from router.providers.secret import Secret
from router.settings.problems import clean
from router.store.url import USUAL, BadStoreUrl, parse_store_url

ENVIRONMENT: Final = "os.environ/"
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}$"
HIDDEN: Final = "**********"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SHELL_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_LONGEST_SECRET: Final = 8_192
_LONGEST_URL: Final = 2_048


def wrong(message: str, suggestion: str | None = None) -> PydanticCustomError:
    """A refusal whose words reach the person as they are."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "suggestion": suggestion})


def from_environment(text: str, environ: Mapping[str, str]) -> str:
    """The text, or the environment variable that `os.environ/NAME` names.

    Raises:
        PydanticCustomError: not a variable's name, or a variable that is not set.
    """
    shell = _SHELL_VARIABLE.fullmatch(text)
    if shell:
        raise wrong("a shell variable is not read here", f"write {ENVIRONMENT}{shell[1]}")
    if not text.startswith(ENVIRONMENT):
        return text
    name = text.removeprefix(ENVIRONMENT)
    if not _VARIABLE.fullmatch(name):
        raise wrong("this does not name an environment variable", f"write {ENVIRONMENT}NAME")
    value = environ.get(name)
    if not value:
        state = "is empty" if value == "" else "is not set"
        raise wrong(f"the environment variable {clean(name)} {state}", f"export {clean(name)}=…")
    return value


def _text(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise wrong("must be text", f"write {ENVIRONMENT}NAME or put the text in quotes")
    context = info.context or {}
    found = from_environment(value, context.get("environ", {}))
    if not found.strip():
        raise wrong("is empty")
    return found


def _secret(value: object, info: ValidationInfo) -> Secret:
    text = value.reveal() if isinstance(value, Secret) else _text(value, info)
    if len(text) > _LONGEST_SECRET:
        raise wrong(f"has {len(text)} characters; at most {_LONGEST_SECRET} can be meant")
    if not text.isascii() or not text.isprintable():
        raise wrong(
            "has a character that cannot be sent in a header",
            "look for a line end or a curly quote that was copied along",
        )
    return Secret(text)


def _key(secret: Secret) -> Secret:
    if any(character.isspace() for character in secret.reveal()):
        raise wrong("has white space in it", "copy the key again, without spaces around it")
    return secret


def _http_url(value: object, info: ValidationInfo) -> str:
    text = _text(value, info).rstrip("/")
    _refuse_unclear_url(text, ("http", "https"), "write it as https://host/v1")
    parts = urlsplit(text)
    if parts.query or parts.fragment:
        raise wrong("a base URL has no ? or # part", "parameters belong in headers")
    if parts.username or parts.password:
        raise wrong("has a user name or password in it", "put the key in api_key")
    return text


def _store_url(value: object, info: ValidationInfo) -> Secret:
    text = value.reveal() if isinstance(value, Secret) else _text(value, info)
    if len(text) > _LONGEST_URL or any(character.isspace() or ord(character) < 32 for character in text):
        raise wrong("is no URL: it has white space or is too long", f"write it as {USUAL}")
    try:
        parse_store_url(text)
    except BadStoreUrl as error:
        raise wrong(error.wrong, error.right) from None
    return Secret(text)


def _refuse_unclear_url(text: str, schemes: tuple[str, ...], suggestion: str) -> None:
    if len(text) > _LONGEST_URL or any(character.isspace() or ord(character) < 32 for character in text):
        raise wrong("is no URL: it has white space or is too long", suggestion)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong("is no URL: its host or port cannot be read", suggestion) from None
    if parts.scheme not in schemes:
        raise wrong(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}", suggestion)
    if port == 0 or not parts.hostname:
        raise wrong("is no URL: it names no host or port to call", suggestion)


def _rate(value: object) -> Decimal:
    number = _amount(value)
    try:
        parse_usd_per_million(number)
    except PricingError as error:
        raise wrong(error.message) from error
    return number


def _amount(value: object) -> Decimal:
    try:
        number = exact_decimal(value)
    except PricingError as error:
        raise wrong(error.message) from error
    if number < 0:
        raise wrong("cannot be negative")
    return number


def _positive_amount(value: object) -> Decimal:
    number = _amount(value)
    if number == 0:
        raise wrong("must be above 0")
    return number


def _share(value: object) -> Decimal:
    number = _positive_amount(value)
    if number > 1:
        raise wrong("must be above 0 and at most 1", "it is a share of the time, such as 0.5")
    return number


def _schema(kind: str | list[str], **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


_HIDE: Final = PlainSerializer(lambda _: HIDDEN, return_type=str)
_EXACT: Final = PlainSerializer(str, return_type=str)
_AMOUNT: Final = {"minimum": 0}

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A name of a model or route: letters, digits and `-_.:/@`, at most 100, beginning with a letter or digit."""

SecretText = Annotated[Secret, PlainValidator(_secret), _HIDE, _schema("string")]
Key = Annotated[Secret, PlainValidator(_secret), AfterValidator(_key), _HIDE, _schema("string")]
HttpUrl = Annotated[str, PlainValidator(_http_url), _schema("string")]
StoreUrl = Annotated[Secret, PlainValidator(_store_url), _HIDE, _schema("string")]
UsdPerMillion = Annotated[Decimal, PlainValidator(_rate), _EXACT, _schema(["number", "string"], **_AMOUNT)]
"""US dollars a million tokens, exact."""
Amount = Annotated[Decimal, PlainValidator(_amount), _EXACT, _schema(["number", "string"], **_AMOUNT)]
PositiveAmount = Annotated[
    Decimal, PlainValidator(_positive_amount), _EXACT, _schema(["number", "string"], exclusiveMinimum=0)
]
Share = Annotated[
    Decimal, PlainValidator(_share), _EXACT, _schema(["number", "string"], exclusiveMinimum=0, maximum=1)
]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
