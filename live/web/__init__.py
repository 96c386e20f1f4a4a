"""The page in the browser: photos, clips and the browser's camera."""

from live.web.serving import serve

__all__ = ["serve"]
