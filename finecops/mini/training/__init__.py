"""Training of the mini models: small networks of the paper's model classes, and their training data."""
