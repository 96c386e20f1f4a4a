"""A camera, a stream or a file becomes depth while it is watched: in a window, in a recording, on a page."""
