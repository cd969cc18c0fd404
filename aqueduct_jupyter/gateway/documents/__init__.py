"""Documents -> text, and file parts -> what an upstream can read."""
