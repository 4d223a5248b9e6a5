"""The page that `finecops report` writes: a folder that opens from the file system, or one file to send."""
