"""The command line: thin, one file per group. Heavy imports happen inside the commands."""
