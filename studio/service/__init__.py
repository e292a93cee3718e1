"""Films for other programs: an HTTP service with its client, and a server for assistants (MCP)."""
