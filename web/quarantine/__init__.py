"""The page of the rows that could not be read."""
