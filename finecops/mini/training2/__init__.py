"""Training of the next miniature's models."""
