"""Small word lists that mark the kind of a query; editing one means a new `FEATURE_VERSION`.

Words are lower-case ASCII bytes as `features.read` cuts them. The lists carry what a person would say makes a query
hard or plain; how much each counts is learned from outcomes, or set by hand in `prior.py` where nothing was learned.
"""


def _words(text: str) -> frozenset[bytes]:
    return frozenset(text.encode().split())


REASONING = _words(
    "prove proof proves derive derivation theorem lemma corollary converge convergence bounded induction contradiction "
    "rigorous rigorously justify optimal optimality optimise optimize complexity invariant eigenvalue eigenvalues "
    "integral integrals integer integers derivative differential equation equations polynomial matrix probability "
    "stochastic bayesian asymptotic recurrence combinatorics permutation permutations modulo determine deduce infer "
    "evaluate analyse analyze critique tradeoffs tradeoff architect diagnose debug deadlock refactor concurrency "
    "concurrent distributed consensus scheduler lock thread threads atomic algorithm np irrational prime primes "
    "counterexample necessary sufficient hypothesis multi step constraints constraint simultaneously"
)
"""Signs of several steps of thought: mathematics, algorithms, diagnosis, argument."""

EXPERT = _words(
    "plaintiff defendant liable liability statute statutory jurisdiction tort negligence indemnity indemnify clause "
    "breach damages fiduciary easement covenant appellate constitutional precedent admissible hearsay injunction "
    "contract contractual warranty arbitration gdpr compliance regulation regulatory tax taxable amortization "
    "depreciation hedging derivatives solvency valuation pathophysiology diagnosis differential prognosis "
    "contraindicated dosage pharmacology etiology biopsy lesion stereochemistry enthalpy quantum hamiltonian "
    "thermodynamic relativistic"
)
"""Vocabulary of fields where a small model is more often wrong: law, accounting, medicine, physical science."""

PLAIN = _words(
    "translate translation summarise summarize summary rewrite rephrase paraphrase shorten proofread spell spelling "
    "grammar list bullet bullets capital synonym synonyms convert define definition greeting email subject headline "
    "title caption extract classify categorise categorize label sentiment tone polite friendly reformat format "
    "hello thanks birthday recipe weather reminder joke poem tweet slogan tagline name names rename fix typo typos"
)
"""Signs of a plain errand: rewording, listing, looking up, labelling."""

MODEL_TALK = _words(
    "please kindly thanks thank hi hello hey dear extremely very really super hard difficult difficulty challenging "
    "tough tricky impossible best better smartest strongest largest biggest powerful premium expensive cheap cheapest "
    "model models gpt claude llm route routing router important urgent careful carefully expert advanced"
)
"""Politeness, and talk about the question or the model: weighs nothing, so that saying so moves nothing."""
