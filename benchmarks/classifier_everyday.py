"""Does a classifier treat plain errands as plain and hard work as hard? Prompts of our own writing, none trained on.

Usage: python benchmarks/classifier_everyday.py [--classifier DIR] [--threshold T]
"""

import argparse
from pathlib import Path

from classifiers import QueryFacts, default_classifier, load_artifact

PLAIN = [
    "What is the capital of France?",
    "Translate 'good morning' to Spanish",
    "Hi",
    "Thanks, that's all!",
    "How many days are there in a leap year?",
    "Convert 15 miles to kilometres.",
    "Write a short birthday message for my colleague Anna.",
    "Give me five names for a tabby cat.",
    "What does HTTP stand for?",
    "Fix the spelling: 'I recieved teh parcel yesteday.'",
    "Is this review positive or negative? 'Great food, slow service, will come again.'",
    "List three fruits rich in vitamin C.",
    "What time zone is Lisbon in?",
    "Rewrite this sentence in a friendlier tone: 'Send me the report today.'",
    "Who wrote Pride and Prejudice?",
    "Suggest a subject line for an email about a postponed meeting.",
    "What's the plural of 'cactus'?",
    "How do I boil an egg?",
    "Extract the date from: 'The invoice was issued on 3 March 2024 and is due in 30 days.'",
    "Give a synonym for 'happy'.",
    "Which ocean is the largest?",
    "Turn this into a polite refusal: no, we can't give you a discount.",
    "What colour do you get when you mix blue and yellow?",
    "Write a tweet announcing our new opening hours, 9 to 6 from Monday.",
    "Make this shorter: 'We would like to inform you that, due to the weather, the picnic has been cancelled.'",
    "Categorise this ticket as billing, shipping or other: 'My package has not arrived yet.'",
    "My order number is 48213. Where can I see its status?",
    "How can I reset my password?",
    "What are your opening hours on Sunday?",
    "Can I change the delivery address after I have placed an order?",
    "Translate into German: 'The train leaves at half past eight from platform four.'",
    "What is the chemical symbol for gold?",
    "How do you say 'thank you very much' in Japanese?",
    "Write a one-line out-of-office reply until Monday.",
    "Summarise these notes in two bullets: budget approved, hiring paused until June, office move delayed by a week.",
    "Summarise these notes in two bullets: Maria opened the meeting at ten. The website redesign is on schedule, and "
    "the new logo was well received. Tom will send the photographs by Friday. The printer on the second floor is still "
    "broken; Jens has called the supplier, who will come on Tuesday. The summer party is on the twelfth of July, and "
    "everybody should tell Lena what food they would like. The next meeting is in two weeks at the same time.",
    "Proofread this email: Hi Sam, thanks for the quick call today. As we said, I will send the draft on Wednesday and "
    "you will come back to me with comments by the end of the week. Have a nice evening, Julia",
    "Rephrase for a newsletter: Our shop will be closed from the 24th to the 26th of December. We wish all customers a "
    "merry Christmas and look forward to seeing you again.",
    "What is the weather usually like in Rome in May?",
    "Tell me a joke about penguins.",
    "Put these in alphabetical order: pear, apple, fig, orange, banana.",
    "What is 12 times 8?",
    "Define 'photosynthesis' in one sentence.",
    "Name the seven colours of the rainbow.",
    "What's a good title for a blog post about houseplants?",
]

HARD = [
    "Prove that there are infinitely many prime numbers congruent to 3 modulo 4, and explain each step.",
    "Let f be continuous on [0,1] and differentiable on (0,1) with f(0)=0 and f(1)=1. Prove that there exist distinct "
    "a, b in (0,1) such that 1/f'(a) + 1/f'(b) = 2.",
    "Find all functions f: R -> R satisfying f(x + f(y)) = f(x) + y for all real x and y. Give a rigorous proof.",
    "Evaluate the integral of ln(1+x)/(1+x^2) from 0 to 1 and justify every substitution.",
    "Show that the square root of 2 plus the square root of 3 is irrational and determine its minimal polynomial.",
    "A landlord leased a warehouse to a tenant for ten years under a written lease containing a covenant not to assign "
    "without consent. In year four the tenant assigned the lease to a corporation wholly owned by him, which then "
    "subleased half of the space to a competitor of the landlord. The landlord accepted two months' rent from the "
    "corporation before learning of the sublease, and now seeks to terminate, claiming breach of the covenant. The "
    "corporation argues waiver, and that the assignment was not a transfer at all. The sublessee has meanwhile made "
    "substantial improvements with the local agent's knowledge. Analyse the claims and defences of each party, the "
    "remedies available, and who should prevail.",
    "A plaintiff was injured when a scaffold collapsed. The contractor had subcontracted its assembly, the statute "
    "makes the owner strictly liable, and the plaintiff had ignored a safety instruction. Discuss negligence, "
    "vicarious liability, contribution and indemnity between owner, contractor and subcontractor.",
    "Review this indemnification clause for a software contract and identify each risk for the customer under "
    "New York law: 'Vendor shall indemnify Customer against third-party claims arising from gross negligence, provided "
    "that Customer gives notice within five days, and Vendor's aggregate liability shall not exceed fees paid in the "
    "preceding three months, save where prohibited by statute.'",
    "Design a lock-free multi-producer single-consumer queue in C++ and prove it is linearizable. Discuss the memory "
    "ordering of every atomic operation.",
    "Our distributed scheduler deadlocks about once a day. Worker A holds the lease lock and waits for the queue lock; "
    "worker B does the opposite when it renews. Derive the conditions under which this happens and propose a protocol "
    "that is free of deadlock and of starvation, with an argument why.",
    "```python\ndef merge(xs, ys):\n    out = []\n    i = j = 0\n    while i < len(xs) or j < len(ys):\n"
    "        if xs[i] <= ys[j]:\n            out.append(xs[i]); i += 1\n        else:\n"
    "            out.append(ys[j]); j += 1\n    return out\n```\nThis fails on some inputs. Find every bug, fix it, and "
    "prove that the fixed version terminates and is stable.",
    "Implement a B-tree with insertion, deletion and range scans in Rust, generic over the key, with an amortized "
    "complexity analysis and property tests for the invariants.",
    "Given an n by n matrix A with eigenvalues in the unit disc, derive necessary and sufficient conditions for the "
    "iteration x_{k+1} = A x_k + b to converge, and bound the rate of convergence.",
    "Three companies bid in a sealed auction with private values drawn independently from a uniform distribution on "
    "[0,1], and each bidder wins with probability proportional to the square of the bid. Derive the symmetric "
    "equilibrium and compare the expected revenue with a first-price auction.",
    "Prove by induction that a connected planar graph satisfies V - E + F = 2, then deduce that K_5 is not planar.",
    "A 54-year-old with type 2 diabetes presents with acute dyspnoea, a troponin of 0.08, bilateral basal crackles, a "
    "creatinine of 2.1 and a potassium of 5.9 while taking spironolactone and lisinopril. Give a ranked differential "
    "diagnosis, the immediate management, and which drugs are contraindicated and why.",
    "Derive the optimal hedging strategy for a short variance swap under stochastic volatility with jumps and state "
    "under which assumptions the replication is exact.",
    "A firm acquires 80% of a subsidiary for $4.2 million when the fair value of net assets is $4.6 million, including "
    "equipment undervalued by $300,000 with six years of remaining life. Prepare the consolidation entries at "
    "acquisition and at the end of year two, including amortization and the non-controlling interest.",
    "If 5 distinct letters are placed at random in 5 addressed envelopes, what is the probability that exactly one is "
    "right, and how does the answer change for n letters as n tends to infinity? Prove it.",
    "Compute the determinant of the n x n matrix with entries gcd(i, j), and prove your formula.",
    "Write a query that, for each customer, finds the longest run of consecutive days with at least one order, "
    "explain why it is correct when there are several orders a day, and analyse its complexity:\n"
    "SELECT customer_id, order_date FROM orders;",
    "Let G be a finite group of order p^2 q with primes p < q and q not congruent to 1 modulo p. Determine all such "
    "groups up to isomorphism.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classifier", type=Path)
    parser.add_argument("--threshold", type=float)
    options = parser.parse_args()
    classifier = load_artifact(options.classifier) if options.classifier else default_classifier()
    threshold = classifier.default_threshold if options.threshold is None else options.threshold
    print(f"{classifier.id}, threshold {threshold}")
    for kind, prompts, to_large in (("plain", PLAIN, False), ("hard", HARD, True)):
        scored = [(classifier.score(QueryFacts(prompt)), prompt) for prompt in prompts]
        wrong = [(value, prompt) for value, prompt in scored if (value >= threshold) != to_large]
        print(f"{kind}: {len(scored) - len(wrong)} of {len(scored)} as they should be")
        for value, prompt in sorted(wrong):
            print(f"  {value:.3f}  {prompt[:90]!r}")
            print(f"         {classifier.explain(QueryFacts(prompt)).sentence}")


if __name__ == "__main__":
    main()
