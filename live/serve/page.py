"""The page of a few lines at `/`: the stream, and under which addresses other programs find it."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline';"
    " frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)
STYLE = (
    "body{margin:0 auto;padding:1rem;max-width:64rem;font:1rem/1.5 system-ui,sans-serif;"
    "background:#111;color:#ddd}img{width:100%;background:#000}a{color:#fb9}code{color:#fff}"
    "dt{margin-top:.6rem}dd{margin:0}h1{font-size:1.2rem}"
)


def page_html(host: str, token: str) -> str:
    """host: as the visitor asked for it, and as it was found to be ours. token: '' for none."""
    query = f"?token={quote(token, safe='')}" if token else ""
    rows = [
        (f"http://{host}/view.mjpg{query}", "the view as MJPEG: OBS (media source), VLC, ffmpeg, OpenCV"),
        (f"ws://{host}/depth{query}", "WebSocket: a JSON header and 16-bit depth for every frame"),
        (f"http://{host}/snapshot.png{query}", "the view now, as PNG"),
        (f"http://{host}/depth.png{query}", "the depth now, as 16-bit PNG with its scale"),
    ]
    listing = "".join(f"<dt><code>{_linked(url)}</code></dt><dd>{escape(what)}</dd>" for url, what in rows)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>depth-live</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<style>{STYLE}</style></head><body><h1>depth-live</h1><img src="/view.mjpg{escape(query)}"'
        f' alt="What the camera sees, with its depth"><dl>{listing}</dl></body></html>'
    )


def _linked(url: str) -> str:
    text = escape(url)
    return f'<a href="{text}">{text}</a>' if url.startswith("http") else text
