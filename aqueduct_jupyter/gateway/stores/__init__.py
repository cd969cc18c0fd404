"""The stores: files, the ledger and conversations, in the data folder."""
