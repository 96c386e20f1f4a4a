"""The live view and its depth for other programs, over HTTP: MJPEG, a WebSocket, pictures, a small page."""

from live.serve.server import StreamServer

__all__ = ["StreamServer"]
