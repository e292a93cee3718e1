"""Speech and facial motion from one model, and the pictures made of them (imports are lazy: see the submodules)."""
