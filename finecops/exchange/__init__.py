"""Prediction files of others, read and written: one module per format.

A reader gives `Answers` and never sees the truth: it gets the sizes of the images and no more. Files are not
trusted: no code in them is executed, and what cannot be read is counted or refused with file and line.
"""
