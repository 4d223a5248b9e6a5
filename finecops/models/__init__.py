"""Ways to reach models, each behind the same small protocol (`finecops.models.protocols`)."""
