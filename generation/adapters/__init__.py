"""LoRA adapters: files, metadata and per-character routing."""
