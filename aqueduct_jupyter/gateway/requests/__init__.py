"""One request: who is let in, what is asked, and how its answer is judged."""
