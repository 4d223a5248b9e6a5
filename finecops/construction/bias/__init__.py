"""How much of a benchmark can be told without looking: blind classifiers, blind guesses, and refinement against them."""
