"""Models: the protocols (`finecops.models.protocols`), one file per backend, and programs for workers."""
