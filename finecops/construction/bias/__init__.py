"""What is learned about a benchmark blindly: classifiers and guesses that do not look, refinement against them."""
