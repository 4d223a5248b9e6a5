"""Charts as data, and their writers: inline SVG, matplotlib's PNG and PDF, CSV, JSON."""
