"""Numbers beside other numbers: the paper's tables."""
