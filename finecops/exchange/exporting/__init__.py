"""What leaves for other tools: one module per tool. Each writes a folder of files that the tool's own loader reads.

Docs: `docs/exchange.md`. `scripts/read_exchange.py` reads each export with the other tool.
"""
