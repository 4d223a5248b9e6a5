"""All that reads or writes a model's text: box formats, options, letters, confidence. Pure functions."""
