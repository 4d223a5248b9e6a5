"""The drawn world of the mini benchmark: kinds of objects, scenes, pictures, the splits."""
