"""Training of the mini models: networks of the paper's classes, only small, and their training data."""
