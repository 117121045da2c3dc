"""Golden prices: usage as each provider sends it, the buckets it comes to, and the nano-dollars it costs.

`sources.json` has the prices, copied word for word from a named source; `reference.py` reads usages and prices a
second time, in Decimal, without a line of the product; `shapes.py` and `make.py` write `fixtures/*.jsonl`:

    python -m tests.golden.prices.make            writes them
    python -m tests.golden.prices.make --sources  copies the prices again from the litellm that is installed
"""
