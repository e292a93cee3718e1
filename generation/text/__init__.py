"""Text to phonemes: normalisation, grapheme-to-phoneme, phoneme sequences on the clock."""
