"""The join: which verdict each id gets, what is kept of an id, and the decision record. Pure."""
