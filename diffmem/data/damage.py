"""What a damaged file raises, in one sentence."""

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

# RuntimeError: encrypted archives; NotImplementedError, a RuntimeError: unknown compression
DAMAGE = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
REASON_LENGTH = 200  # characters; parsers quote what they could not read


@contextmanager
def readable(name: str, *also: type[Exception]) -> Iterator[None]:
    """Turn what readers raise on damaged input, and the exceptions in `also`, into a ValueError that names the file."""
    try:
        yield
    except (*DAMAGE, *also) as error:
        reason = " ".join(str(error).split())[:REASON_LENGTH] or type(error).__name__
        raise ValueError(f"`path` must be readable, but {name} is not: {reason.rstrip('.')}.") from error
