"""Training data: the speech corpus, duration data, tracked sentences, batches of the joint model."""
