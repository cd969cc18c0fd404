"""The gateway itself: async, and independent of Tornado and Jupyter."""
