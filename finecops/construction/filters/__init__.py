"""Filters of negative expressions and images (paper, III-B): models that give scores, and rules that compare them."""
