"""Small word lists that mark the kind of a query; editing one means a new `FEATURE_VERSION`.

Words are lower-case ASCII bytes as `features.read` cuts them. The lists carry what a person would say makes a
query hard or plain; how much each counts is learned from outcomes, or set by hand in `prior.py` where nothing
was learned.
"""


def _words(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


REASONING = _words("""
    prove proof proves proving derive derivation theorem lemma corollary converge convergence induction
    rigorous rigorously justify irrational invariant invariants eigenvalue eigenvalues asymptotic
    asymptotically recurrence isomorphism isomorphic counterexample equilibrium stochastic polynomial
    determinant integral deduce complexity amortized deadlock deadlocks starvation concurrency
    concurrent linearizable atomic distributed consensus scheduler protocol refactor debug bug bugs
    architect architecture implement implementation design analyse analyze critique tradeoff tradeoffs
    remedies prevail assumptions step reasoning
""")
"""Signs of several steps of thought: mathematics, algorithms, diagnosis, argument."""

EXPERT = _words("""
    plaintiff defendant liable liability statute statutory jurisdiction tort negligence indemnity
    indemnify clause breach damages fiduciary easement covenant appellate constitutional precedent
    admissible hearsay injunction contract contractual warranty arbitration gdpr compliance regulation
    regulatory tax taxable amortization depreciation hedging derivatives solvency valuation
    pathophysiology diagnosis differential prognosis contraindicated dosage pharmacology etiology biopsy
    lesion stereochemistry enthalpy quantum hamiltonian thermodynamic relativistic
""")
"""Vocabulary of fields where small models are more often wrong: law, accounting, medicine, science."""

DEMANDING = _words("""
    prove proof derive design implement architect analyse analyze critique refactor debug discuss justify
    formalise formalize optimise optimize diagnose reconcile negotiate
""")
"""Signs of demanding work when they stand among a query's first words."""

PLAIN = _words("""
    translate summarise summarize rewrite rephrase paraphrase shorten shorter proofread spelling synonym
    synonyms convert define reformat classify categorise categorize extract fix
    reminder joke poem tweet slogan tagline greeting birthday reply polite friendly friendlier plural
    alphabetical suggest
""")
"""Signs of a plain errand (rewording, labelling, small talk) when they stand among a query's first words."""

MODEL_TALK = _words("""
    please kindly thanks thank hi hello hey dear extremely very really super hard difficult difficulty
    challenging tough tricky impossible best better smartest strongest largest biggest powerful premium
    expensive cheap cheapest model models gpt claude llm route routing router important urgent careful
    carefully expert advanced
""")
"""Politeness, and talk about the question or the model: weighs nothing, so that saying so moves nothing."""

PADDING = _words("""
    i we you me us my this that it is am are was be so a an the and to of in on for with just will would
    could can should may use ask need want give send help helps advance lot much many some question query
    problem task one following good morning afternoon evening day everyone there again ok okay sure
    appreciate appreciated your yours make most
""")
"""Words that polite or pleading sentences around a query are made of, beside `MODEL_TALK`."""

REFERRING = _words("""
    this these following below here sentence sentences phrase text word words name names character
    characters string sequence says mean means called written reads pronounce pronounced
""")
"""Words of a query that is about what stands behind it."""

PLEADING = _words("""
    lets hope hoping doing well find finds great day week level think thinking thought reason step steps by
    show work working thorough thoroughly rigorous rigorously prove solve answer explain detail detailed
    deeply deep note needs requires require capable available possible try do does not no mistakes priority
    asap quick quickly needed attention high highly highest critical crucial life job depends depend correct
    correctly accurate accurately right wrong get forward look looking hearing from am stuck if time top tier
    quality system escalate skip simple before beforehand everything through out stake
    breath complex super grateful effort world class wondering matter death ai assistant you really only take
""")
"""Words that whole sentences around a query may have besides: such a sentence is about the asking."""
