"""The web view."""
