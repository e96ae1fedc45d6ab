"""The pages of the table: which ids, in which order, as markup, JSON or a file."""
