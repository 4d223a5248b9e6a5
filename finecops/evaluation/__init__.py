"""Evaluations: typed results of runs and files, comparison, the threshold sweep, the paper's figures."""
