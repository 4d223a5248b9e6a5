"""The drawn world of the next miniature: hard to localise, possible to understand."""
