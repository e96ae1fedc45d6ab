"""The checks of `doctor`: one file per thing that is checked, each check a function that returns its findings."""
