"""The target phrase of an expression, found by pure functions of the text."""
