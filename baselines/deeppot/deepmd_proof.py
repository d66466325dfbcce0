"""Imported when the environment is made: deepmd's models load as they do in the worker."""

import deepmd_backend

deepmd_backend.prepare("cpu", threads=1)
