"""The page of features: where in them the error is."""
