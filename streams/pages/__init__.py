"""What the pages of any process of ours need: the door, and an HTTP server that is bounded."""
