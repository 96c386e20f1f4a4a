"""The page in the browser: photos, clips and the browser's camera."""

from live.web.serving import Opening, Tls, serve

__all__ = ["Opening", "Tls", "serve"]
