"""Files become files: videos and photos in, depth videos, heat maps and raw depth out."""
