"""The same work done with other tools, as a competent user of each would write it."""
