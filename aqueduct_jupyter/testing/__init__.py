"""This folder is for tests of other people's notebooks: a pytest plugin, off unless asked for.

``pytest -p aqueduct_jupyter.testing.plugin --nbval --aqueduct=strict notebooks``
"""
