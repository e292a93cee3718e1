"""View models of the editor's pages: what they show, without Streamlit."""
