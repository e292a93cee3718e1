"""Pages of the editor: each shows what is on disk, and passes actions on to plain functions.

Not called ``pages``: Streamlit takes a folder of that name beside the entry for pages of its own, and runs their files.
"""
