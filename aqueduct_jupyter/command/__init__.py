"""This folder is ``jupyter aqueduct``: the commands that a person types in a terminal."""
