"""Reports as one HTML page that needs nothing else: tables, figures and pictures are in the file.

>>> from diffmem import pages
>>> pages.bullets(["1 < 2"])
'<ul><li>1 &lt; 2</li></ul>'
"""

from .contents import csv_of, png_of, write_all
from .elements import bullets, grid, picture, plot, section, whole_page

__all__ = [
    "bullets",
    "csv_of",
    "grid",
    "picture",
    "plot",
    "png_of",
    "section",
    "whole_page",
    "write_all",
]
