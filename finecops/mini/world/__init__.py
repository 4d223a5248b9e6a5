"""The drawn world of the mini benchmark: its catalogue, its scenes, their pixels, edits of them, and the splits."""
