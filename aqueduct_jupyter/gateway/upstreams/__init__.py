"""The upstreams: which there are, how they are called, and how they fail."""
