"""Models: trained, described by a card, opened without trusting them, and tried."""
