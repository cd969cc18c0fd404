"""This folder is what is done: the gateway's work, async, without Tornado or Jupyter."""
