"""Video person re-identification: models, data, training, the one embedding path, metrics and benchmark."""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())
