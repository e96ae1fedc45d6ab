"""The web view: what the table holds, why an id is not joined, and how wrong the model is. Read only."""
