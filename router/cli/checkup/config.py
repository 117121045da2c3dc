"""Is the configuration right, and what does it come to: models, prices, classifier?"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from router.cli.attached import Where
from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from router.settings import ConfigError
    from router.setup import SetUp


def configured(where: Where, environ: Mapping[str, str]) -> "tuple[SetUp | None, list[Row]]":
    """What the configuration comes to, `None` if nothing; and what there is to say of it.

    Models whose keys are not set fail, and keep nothing else from being looked at.
    """
    from router.errors import SetupError
    from router.settings import ConfigError
    from router.settings.checked import without_model_keys
    from router.setup import set_up

    try:
        made = set_up(where.config, environ)
    except ConfigError as error:
        rows = list(_problems(error))
        try:
            made = set_up(where.config, without_model_keys(where.file(), environ))
        except SetupError:  # more than keys is wrong, and `error` has it all
            return None, rows
        return made, [row for row in rows if row.verdict is Verdict.FAIL] + list(_warnings(made))
    except SetupError as error:
        return None, [Row("configuration", "", Verdict.FAIL, error.message, "mend it, then run doctor again")]
    file = where.file()
    named = str(file) if file else "no file; keys and local servers were looked for"
    said = f"{_many(len(made.settings.models), 'model')}, {_many(len(made.settings.routes), 'route')}"
    return made, [Row("configuration", "", Verdict.OK, f"{named}: {said}"), *_warnings(made)]


def prices(made: "SetUp") -> Iterator[Row]:
    """Whether each configured model has a price."""
    from router.pricing.money import usd_per_million
    from router.providers.presets import PRESETS

    for name, model in made.catalog.models.items():
        if model.price is None:
            upstream = model.endpoint.upstream_model
            to_do = made.book.how_to_price(upstream, PRESETS[model.provider].price_provider)
            yield Row("prices", name, Verdict.WARN, "unknown, and shown as unknown in every report", to_do)
            continue
        rates = model.price.rates
        amounts = f"{usd_per_million(rates.input)} / {usd_per_million(rates.output)} USD per million tokens"
        example = ", an example and not a real price" if model.price.example else ""
        by = "book" if model.price_from_book else "configuration"
        yield Row("prices", name, Verdict.OK, f"{amounts} ({by}{example})")


def classifier(made: "SetUp") -> Row:
    """Whether queries are scored by an artifact or by the stand-in."""
    from classifiers import Heuristic

    found = made.classifier
    if not isinstance(found, Heuristic):
        said = f"{found.id}, default threshold {found.default_threshold:g}"
        return Row("classifier", "", Verdict.OK, said)
    why = f": {found.fallback_reason}" if found.fallback_reason else ""
    return Row(
        "classifier",
        "",
        Verdict.WARN,
        f"{found.id}, a hand-set guess that learned from nothing{why}",
        "install pennyroute again, or train one: pennyroute train OUTCOMES… --out DIR",
    )


def _problems(error: "ConfigError") -> Iterator[Row]:
    for problem in error.problems:
        verdict = Verdict.FAIL if problem.severity == "error" else Verdict.WARN
        place = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        said = f"{place}: {problem.path + ': ' if problem.path else ''}{problem.message}"
        yield Row("configuration", "", verdict, said, problem.suggestion or "mend this line")


def _warnings(made: "SetUp") -> Iterator[Row]:
    """What the set-up says beside the name of its file."""
    for note in made.notes:
        if ": warning: " in note:
            said, _, to_do = note.partition("; ")
            yield Row("configuration", "", Verdict.WARN, said.replace("warning: ", "", 1), to_do)
        elif not note.startswith("Configuration: "):
            yield Row("configuration", "", Verdict.OK, note)


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
