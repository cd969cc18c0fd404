"""This folder is what is said: the words that browser, server and kernel share. It does no I/O."""
