"""This folder is where the gateway is used: in a notebook's kernel."""
