"""Files beside this one: the small models (`checkpoints/`) and the small benchmark (`data/finecops-mini/`)."""
