"""Progress, file storage and environment, shared by every room."""
