"""Alert rules tried, the model held against a limit, and the reference that it is held against."""
