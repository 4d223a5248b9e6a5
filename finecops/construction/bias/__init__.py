"""How much of a benchmark can be told blindly: classifiers and guesses that do not look, and refinement against them."""
