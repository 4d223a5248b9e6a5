"""Construction of the benchmark from scene graphs (paper, III): paths, levels, expressions, negatives, image edits."""
