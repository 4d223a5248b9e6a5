"""What a scene graph says, what it leaves open, and the paths that identify one object in it (paper, III-A)."""
