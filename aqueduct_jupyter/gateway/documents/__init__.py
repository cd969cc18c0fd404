"""Documents to text, and file parts to content that an upstream can read."""
