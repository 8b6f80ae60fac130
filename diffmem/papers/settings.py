"""Settings of an experiment changed by text, as `--set NAME=VALUE` on the command line gives them."""

import ast
from collections.abc import Sequence
from typing import Any, get_args, get_origin, get_type_hints

from .base import Settings

WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
TRUTH = {"true": True, "false": False}


def changed(settings: Settings, texts: Sequence[str], slug: str) -> Settings:
    """The settings of a paper with fields replaced by `NAME=VALUE`, the value read by the type of the field.

    Raises ValueError where a text is not of this form, the field is unknown or the value is of another type.
    """
    kinds = get_type_hints(type(settings))
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise ValueError(f"`--set` must be NAME=VALUE, but is {text!r}.")
        if name not in kinds:
            raise ValueError(f"`--set` must name a setting of {slug} ({', '.join(kinds)}), but names {name!r}.")
        try:
            settings = settings._replace(**{name: _read(value, kinds[name])})
        except (ValueError, SyntaxError):
            raise ValueError(f"`--set {name}` must be {_in_words(kinds[name])}, but is {value!r}.") from None
    return settings


def changes(settings: Settings, original: Settings) -> dict[str, Any]:
    """The fields in which settings differ from the original ones."""
    return {name: value for name, value in settings._asdict().items() if value != getattr(original, name)}


def _read(text: str, kind: Any) -> Any:
    if kind is str:
        return text
    if kind is float:
        return float(text)
    return _checked(TRUTH[text.lower()] if text.lower() in TRUTH else ast.literal_eval(text), kind)


def _checked(value: Any, kind: Any) -> Any:
    """The value as this type, a tuple part by part; ValueError where it is another."""
    if get_origin(kind) is tuple:
        parts = value if isinstance(value, tuple) else (value,)
        kinds = get_args(kind)
        kinds = kinds[:1] * len(parts) if kinds[-1] is ... else kinds
        return tuple(_checked(part, one) for part, one in zip(parts, kinds, strict=True))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError
    return value


def _in_words(kind: Any) -> str:
    if get_origin(kind) is tuple:
        first = get_args(kind)[0]
        return "tuples separated by commas" if get_origin(first) is tuple else "values separated by commas"
    return WORDS[kind]
