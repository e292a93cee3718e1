"""The editor's pages: each shows what is on disk and hands what was done to plain functions."""
