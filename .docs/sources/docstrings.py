"""What the layout of docstrings has to be told: a griffe extension, named in mkdocs.yml."""

import re

import griffe

EXAMPLE = re.compile(r"^(\s*)Example:", re.MULTILINE)


class Docstrings(griffe.Extension):
    """A single example is laid out as examples are: its words as a title, then code and what it prints."""

    def on_object(self, *, obj: griffe.Object, **arguments) -> None:
        """Called for every module, class, function and attribute that has been read."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
