"""The joint pipeline: conditioning, mask-routed guidance, sampling, post-processing, retakes."""
