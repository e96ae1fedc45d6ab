"""The dashboard: scores and charts."""
