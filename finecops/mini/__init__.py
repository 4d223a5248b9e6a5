"""The mini world: drawn scenes with a complete graph, and the training of the mini models on them."""
