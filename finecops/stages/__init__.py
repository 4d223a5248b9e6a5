"""One stage per file: what it is called, its settings, and the class that maps images with samples to rows."""
