"""The training loop of AlphaNet and of the networks whose package leaves training to its users.

It needs torch, Lightning and numpy, and nothing of alphanet: a worker imports it as `loop`. What it calls settings are
`alphanet.training.settings.TrainingSettings`, or plain values of the same names. The paths below, relative to the run's
folder, hold for every model, whoever trains it.
"""

LAST = "checkpoints/last.ckpt"
MODEL = "model.safetensors"
METRICS = "logs/metrics.csv"
FACTOR, PATIENCE = 0.6, 5  # of the schedule `plateau`


class TrainingError(Exception):
    """A foreseeable end of a training, in one line that names the frame, file or setting."""
