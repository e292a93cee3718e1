"""Many scenes made into films, on one machine or several."""
