"""Edited images (paper, III-B): what is changed in the scene graph, and the pixels by an image editor."""
