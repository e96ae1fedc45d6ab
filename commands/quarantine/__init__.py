"""The command `quarantine`: look at rows that could not be read, send them again, or have done with them."""
