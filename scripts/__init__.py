"""Command-line scripts: training, evaluation, benchmarks, drawing; run as `python -m scripts.NAME`."""
