"""The gateway inside a Jupyter server: the extension, and what it gives kernels."""
