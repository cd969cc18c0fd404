"""The gateway's HTTP side: Tornado handlers inside the Jupyter server."""
