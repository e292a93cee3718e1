"""Sound: waveforms, mel spectrograms, pitch, timbre, loudness, voice activity."""
