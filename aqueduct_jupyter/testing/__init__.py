"""A pytest plugin for testing your own notebooks, off unless enabled.

``pytest -p aqueduct_jupyter.testing.plugin --nbval --aqueduct=strict notebooks``
"""
