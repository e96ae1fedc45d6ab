"""The command `status`: the state of everything on one screen."""
