"""The page of alerts: how each rule stands, what happened, and whom it was told."""
