"""A quality floor with proof: the least costly threshold that recorded outcomes can vouch for.

`certify` reads outcomes as they are, `certify_corrected` scores of a judge with a hand-scored sample beside
them. What a certificate promises and what it does not: docs/certificate.md; why this bound:
docs/decisions/0010-a-worst-row-for-the-bound.md. The only files of `policies` that load numpy, which is why
`policies` does not load them.
"""

from policies.certificate.certify import Certificate, certify, certify_corrected

__all__ = ["Certificate", "certify", "certify_corrected"]
