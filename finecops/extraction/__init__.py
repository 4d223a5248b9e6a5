"""The target phrase of an expression, found in the text alone. Pure functions."""
