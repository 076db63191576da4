"""From a picture to instances: preprocess, network, postprocess."""
