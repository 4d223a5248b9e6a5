"""Results as tables, figures, and data for programs."""
