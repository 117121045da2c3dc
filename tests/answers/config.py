"""What these tests serve."""

import base64
from typing import Final

from tests.http.config import KEY

ANSWERS_KEY: Final = base64.b64encode(bytes(range(7, 39))).decode()
ENVIRON: Final = {"TINY_KEY": KEY}
SECRETLY: Final = "Zanzibar kumquat"
"""Stands in the answers, so that one can look for it where no answer may stand."""

CONFIG: Final = """\
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}, timeouts: {{connect_s: 2, first_byte_s: 60, total_s: 60}}}}
  big:  {{provider: openai-compatible, base_url: "{url}", model: big-1, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}, timeouts: {{connect_s: 2, first_byte_s: 60, total_s: 60}}}}
routes:
  default: {{small: tiny, large: big, threshold: 0.12, attempts: 1}}
  again: {{small: tiny, large: big, threshold: 0.12, attempts: 2}}
{more}
"""
