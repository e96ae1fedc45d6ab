"""The command `features`: random rows of load_diabetes, their truths later."""
