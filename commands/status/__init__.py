"""The command `status`: one screen of how everything stands."""
