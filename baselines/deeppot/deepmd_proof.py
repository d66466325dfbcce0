"""A proof for the environment: importing this module loads deepmd's models as the worker does."""

import deepmd_backend

deepmd_backend.prepare("cpu", threads=1)
