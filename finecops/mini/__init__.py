"""A small synthetic world with models of its own: scenes, drawing, and the training of the mini models."""
