"""The drawn world of finecops-mini: hard to localise, possible to understand."""
