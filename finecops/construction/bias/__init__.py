"""What can be told of a benchmark blindly: classifiers and guesses that do not look, and refinement against them."""
