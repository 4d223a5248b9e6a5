"""Published prediction files of other programs that carry the truth: one module per layout.

They become a run (`finecops.runs.imported`), which is evaluated without images and weights. Files are not trusted: what
is not of the layout is refused with file and line, and what a program could not parse stays unparsed.
"""
