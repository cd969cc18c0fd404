"""The models that come with this server: the embedded one, and the scripted demo models."""
