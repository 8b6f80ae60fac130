"""A page for lectures: reverse flows of diffusion models in one and two dimensions, computed in the browser."""

from .page import MOST_POINTS, page

__all__ = ["MOST_POINTS", "page"]
