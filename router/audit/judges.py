"""The judge that a route names."""

from router.audit.agreement import AgreementJudge
from router.audit.answering import Answering
from router.audit.draw import Lot
from router.audit.judge import Judge
from router.audit.pairwise import PairwiseJudge
from router.audit.terms import JudgeTerms
from router.catalog import Catalog
from router.clock import World
from router.outcomes.record import JudgedBy


def judge_of(
    terms: JudgeTerms, catalog: Catalog, *, answering: Answering, lot: Lot, world: World
) -> Judge | None:
    """Who scores at once; `None` where scores come later, by feedback or an import."""
    if terms.by is JudgedBy.AGREEMENT:
        return AgreementJudge()
    if terms.by is JudgedBy.JUDGE:
        model = catalog.models[terms.model]
        return PairwiseJudge(terms, model, answering=answering, lot=lot, world=world)
    if terms.by is JudgedBy.REGEX:
        from router.audit.pattern import PatternJudge  # noqa: PLC0415 - only who needs it loads it

        return PatternJudge(terms.pattern)
    if terms.by is JudgedBy.SCHEMA:
        from router.audit.schema import SchemaJudge  # noqa: PLC0415 - as above

        return SchemaJudge(terms.schema)
    return None
