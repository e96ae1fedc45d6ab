"""What only the containers of compose.yaml need: their one-time preparation, their health, their configuration files."""
