"""Reading files of the user in bounded time and memory."""
