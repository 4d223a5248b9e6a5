"""The page of `finecops demo`: one question at a time, with everything that led to its answer."""
