"""Video person re-identification: models, data, training, the one embedding path, metrics and benchmark."""
