"""Training of the shipped networks and export of their weights."""
