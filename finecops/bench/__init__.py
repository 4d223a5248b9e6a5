"""`finecops bench`: how fast things are, measured on this machine in one go. Ratios, not promises."""
