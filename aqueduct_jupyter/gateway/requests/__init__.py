"""One request: how it is admitted and sent upstream, and how its answer is checked."""
