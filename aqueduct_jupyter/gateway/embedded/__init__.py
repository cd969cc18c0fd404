"""The models that this server brings along: the embedded one, and the scripted demo models."""
