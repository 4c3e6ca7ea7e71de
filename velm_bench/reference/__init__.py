"""The VELM reference family: configuration, modelling, training, checkpoints."""
