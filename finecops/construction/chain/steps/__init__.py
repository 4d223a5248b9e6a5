"""One module per stage: what it reads, what decides its rows, and how they are made."""
