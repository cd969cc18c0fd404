"""The services that are asked: which there are, how they are asked, and how they fail."""
