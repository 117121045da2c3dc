"""A configuration, from a file or put together, checked whole."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from router.pricing.book import load_book
from router.providers.presets import PRESETS
from router.settings.check import HasPrice, Surroundings, cross_check
from router.settings.document import MAX_BYTES, Document, read_document
from router.settings.fields import ENVIRONMENT
from router.settings.finding import Finding
from router.settings.models import Settings
from router.settings.problems import ConfigError, ConfigProblem, Severity, without_secrets
from router.settings.shapes import findings

REDIS_URL: Final = "REDIS_URL"
KEY_NOT_SET: Final = "stand-in-for-a-key-that-is-not-set"
SMALLEST: Final = """\
models:
  small: {provider: openai, model: gpt-5.4-mini}
  large: {provider: anthropic, model: claude-opus-5-5}
routes:
  default: {small: small, large: large}
"""


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """What came of a check.

    Attributes:
        settings: `None` when there is an error among the problems.
        problems: errors and warnings, in the order of the file.
    """

    settings: Settings | None
    problems: tuple[ConfigProblem, ...]

    @property
    def errors(self) -> tuple[ConfigProblem, ...]:
        """What keeps the service from starting."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[ConfigProblem, ...]:
        """What does not."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.WARNING)


def check_config(path: Path, environ: Mapping[str, str], has_price: HasPrice | None = None) -> CheckedConfig:
    """Checks a whole file and says everything that is wrong with it.

    Args:
        path: the file; relative paths in it begin at its directory.
        environ: the environment, for `os.environ/NAME`, the presets' keys and `REDIS_URL`.
        has_price: whether (price provider, model) has a price; the packaged price book when not given.
    """
    document = _read(path)
    if not any(problem.path == "" for problem in document.problems):
        return check_document(document, environ, directory=path.parent, file=str(path), has_price=has_price)
    return CheckedConfig(None, tuple(replace(problem, file=str(path)) for problem in document.problems))


def check_document(
    document: Document,
    environ: Mapping[str, str],
    *,
    directory: Path,
    file: str,
    has_price: HasPrice | None = None,
) -> CheckedConfig:
    """The same for a document that is already read."""
    settings, found = _check(document.data, environ, directory, has_price or _packaged_book())
    problems = [*document.problems, *(finding.at(document) for finding in found)]
    secrets = _secrets(document.data, environ)
    ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.path))
    clean = tuple(replace(without_secrets(problem, secrets), file=file) for problem in ordered)
    checked = CheckedConfig(settings, clean)
    return replace(checked, settings=None) if checked.errors else checked


def without_model_keys(path: Path | None, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment for work that calls no model: a stand-in for each key that is not set.

    What only the models' `api_key` and `headers`, or a preset's usual key, need is then `KEY_NOT_SET`. All
    else, such as `REDIS_URL` or a variable in `store.url` or `base_url`, stays required.

    Args:
        path: the file, or `None`; one that cannot be read is for `check_config` to complain of.
        environ: the environment.
    """
    data = None if path is None else _read(path).data
    if not isinstance(data, Mapping):
        return environ
    keyless = copy.deepcopy(dict(data))
    models = keyless.get("models")
    sent: list[Any] = []
    for model in models.values() if isinstance(models, dict) else ():
        if isinstance(model, dict):
            _from_preset("", model, environ)
            sent += [model.pop("api_key", None), model.pop("headers", None)]
    unset = _variables(sent) - _variables(keyless) - {REDIS_URL}
    return {**environ, **{name: KEY_NOT_SET for name in unset if not environ.get(name)}}


def usable(checked: CheckedConfig) -> Settings:
    """The settings, or `ConfigError` with all that is wrong."""
    if checked.settings is None:
        raise ConfigError(checked.problems)
    return checked.settings


def _read(path: Path) -> Document:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return _cannot_read("there is no such file", "name it with --config, or leave --config out")
    except (OSError, ValueError) as error:
        return _cannot_read(f"cannot be read: {getattr(error, 'strerror', None) or error}")
    document = read_document(content)
    if document.data is None and not document.problems:
        return _cannot_read("is empty", f"the smallest useful form is\n{SMALLEST}")
    if not document.problems and not isinstance(document.data, dict):
        return _cannot_read("is not a mapping of fields", f"the smallest useful form is\n{SMALLEST}")
    return document


def _cannot_read(message: str, suggestion: str | None = None) -> Document:
    return Document(problems=(ConfigProblem("", None, message, suggestion),))


def _check(
    written: Mapping[str, Any], environ: Mapping[str, str], directory: Path, has_price: HasPrice
) -> tuple[Settings | None, list[Finding]]:
    data = _with_defaults(written, environ)
    settings, found = None, []
    try:
        settings = Settings.model_validate(data, context={"environ": environ})
    except ValidationError as error:
        found = list(findings(error))
    around = Surroundings(has_price, directory, frozenset(finding.path for finding in found))
    found += cross_check(written, around)
    if settings is not None and settings.classifier is not None:
        settings = settings.model_copy(update={"classifier": (directory / settings.classifier).resolve()})
    return settings, found


def _with_defaults(written: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Fills in what presets and the environment know, so that it is checked like what the file says."""
    data = copy.deepcopy(dict(written))
    models = data.get("models")
    for name, model in models.items() if isinstance(models, dict) else ():
        if isinstance(model, dict):
            _from_preset(name, model, environ)
    store = data.setdefault("store", {}) if environ.get(REDIS_URL) else data.get("store")
    if isinstance(store, dict) and store.get("url") is None and environ.get(REDIS_URL):
        store["url"] = f"{ENVIRONMENT}{REDIS_URL}"
    return data


def _from_preset(name: str, model: dict[str, Any], environ: Mapping[str, str]) -> None:
    provider = model.get("provider")
    preset = PRESETS.get(provider) if isinstance(provider, str) else None
    if model.get("model") is None:
        model["model"] = (preset.only_model if preset else None) or name
    if preset is None:
        return
    elsewhere = model.get("base_url") is not None
    if not elsewhere and preset.base_url:
        model["base_url"] = preset.base_url
    # A server of one's own behind a provider's wire often needs no key.
    if (
        model.get("api_key") is None
        and preset.key_env
        and not (elsewhere and environ.get(preset.key_env, "") in {"", KEY_NOT_SET})
    ):
        model["api_key"] = f"{ENVIRONMENT}{preset.key_env}"


def _packaged_book() -> HasPrice:
    book = cache(load_book)  # read only if some model has no price of its own
    return lambda provider, model: book().price(provider, model) is not None


def _secrets(written: Any, environ: Mapping[str, str]) -> Iterator[str]:
    """Every text that a message must not repeat: keys as written and as the environment has them."""
    models = written.get("models") if isinstance(written, Mapping) else None
    for model in models.values() if isinstance(models, Mapping) else ():
        if isinstance(model, Mapping):
            headers = model.get("headers")
            values = headers.values() if isinstance(headers, Mapping) else ()
            yield from _literals((model.get("api_key"), *values))
    store = written.get("store") if isinstance(written, Mapping) else None
    if isinstance(store, Mapping):
        yield from _literals((store.get("url"),))
    names = (
        _variables(written) | {preset.key_env for preset in PRESETS.values() if preset.key_env} | {REDIS_URL}
    )
    yield from (environ[name] for name in names if environ.get(name))


def _variables(value: Any) -> set[str]:
    """The environment variables that a part of the configuration names."""
    return {text.removeprefix(ENVIRONMENT) for text in _texts(value) if text.startswith(ENVIRONMENT)}


def _literals(values: Iterable[Any]) -> Iterator[str]:
    return (text for text in values if isinstance(text, str) and not text.startswith(ENVIRONMENT))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
