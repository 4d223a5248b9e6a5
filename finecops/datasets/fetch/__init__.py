"""Downloading datasets: files with resume and checksums, and single images out of a zip file on a server."""
