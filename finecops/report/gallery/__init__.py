"""The gallery of a report: every sample with its picture, and what each method answered, to look through in a browser.

Python writes data and a little markup; the application in `assets/` is plain JavaScript. Every text of a file or a
model is data: it becomes text in the page and never markup.
"""

from finecops.report.gallery.gallery import Gallery, Opening, gallery

__all__ = ["Gallery", "Opening", "gallery"]
