"""The page of segments: which of them the loss is in, and why it changed."""
