"""The kernel side: the client, the ``%%chat`` magics and the chat panel."""
