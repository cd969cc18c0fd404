"""What is kept: files, the ledger and conversations, in the data folder."""
