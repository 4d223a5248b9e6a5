"""SFA, CRS and the baselines as lists of stages."""
