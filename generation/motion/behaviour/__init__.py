"""What faces do beside speech, drawn without the network: blinks, and listening to others."""
