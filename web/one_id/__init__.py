"""The page of one id: its rows, its timeline, and why it is not joined."""
