"""The editor's own widgets, built on Streamlit's second component interface: plain HTML, CSS and JavaScript files."""
