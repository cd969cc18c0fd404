"""This folder is where the gateway is served: Tornado handlers inside the Jupyter server."""
