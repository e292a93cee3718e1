"""The workbench for voices: what is done with a recording or a voice outside of any scene."""
