"""The drawn world of the mini benchmark: kinds of things, scenes, pictures, the splits."""
