"""Fine-tuning of LoRA adapters on a user's clips, and of the shipped styles."""
