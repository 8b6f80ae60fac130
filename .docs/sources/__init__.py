"""Where the pages of the site come from, one module for each kind of page."""
