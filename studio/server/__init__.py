"""The editor's web server: Streamlit's ASGI application behind checks of host, origin and token."""
