"""The gateway as a service of a JupyterHub: one for all of its users."""
