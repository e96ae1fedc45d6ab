"""The picture of the errors, drawn in a process apart."""
