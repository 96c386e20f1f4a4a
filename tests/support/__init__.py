"""What several tests start, make or measure: servers, sessions, clips, made-up networks."""
