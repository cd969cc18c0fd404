"""The protocol that browser, server and kernel share: messages, errors and events. No I/O."""
