"""What any process of ours needs: an end with a sentence, links, back-off, logs, memory. Nothing of the join."""
