"""Reading and writing models: safetensors with the configuration in the metadata, and the public code's checkpoints."""

import json
import logging
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from alphanet.errors import UserError, did_you_mean
from alphanet.files import atomic_path, read_json_object
from alphanet.hardware import resolve_device
from alphanet.model.base import InteratomicModel
from alphanet.model.config import Config, config_from
from alphanet.model.create import create_model
from alphanet.model.public import is_public, public_config, read_torch_state, used_keys, without_prefix
from alphanet.model.released import model_files
from alphanet.outside import json_value, reading, require_regular

CONFIG_KEY = "alphanet_config"
DTYPES = {"float32": torch.float32, "float64": torch.float64}
OWN_KEYS = ("reference.", "repulsion.")  # that a public checkpoint may lack
ZBL_IS_ADDED = (
    "the repulsion below 1 Å (zbl) is added, as the public documentation says; the public PyTorch code since v0.1.2 "
    'leaves it out, and so does a configuration with "zbl": false here'
)

logger = logging.getLogger(__name__)


def save_model(model: InteratomicModel, path: str | Path, extra: dict[str, str] | None = None) -> None:
    """Write weights and configuration to a safetensors file, atomically.

    Args:
        model: any reading.
        path: ends in `.safetensors`.
        extra: more metadata, such as the provenance of the training.

    Raises:
        UserError: another suffix, or a file that cannot be written.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise UserError(f"{path}: models are written as .safetensors; choose such a name")
    metadata = {CONFIG_KEY: model.config.model_dump_json(), "format": "pt", **(extra or {})}
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    with atomic_path(path) as temporary:
        try:
            save_file(state, temporary, metadata=metadata)
        except SafetensorError as error:  # its I/O errors are not OSErrors
            raise UserError(f"cannot write {path}: {error}") from error
        _sort_header(temporary)


def load_model(
    path: str | Path,
    config: Config | dict[str, JsonValue] | str | Path | None = None,
    dtype: str | torch.dtype = "float32",
    device: str | torch.device = "cpu",
) -> InteratomicModel:
    """Load a model for evaluation.

    Args:
        path: our safetensors; a checkpoint with the public code's keys (safetensors or torch: flat, nested under
            `state_dict`, or Lightning's), which is read as `official-v1`, and whose pickled code never runs; or the
            name of released weights, see `alphanet.model.released`.
        config: configuration, or a JSON file with it in our or the public code's terms, for a checkpoint without one.
        dtype: precision of the network.
        device: auto, cpu, cuda, cuda:1, …, see `alphanet.hardware.resolve_device`.

    Raises:
        UserError: unreadable file, released weights that are not here, no configuration, or keys missing, unexpected or
            of another shape (all listed).
    """
    path, config = model_files(path, config)
    state, carried = _read(path)
    settings = _settings(path, state, carried, config)
    if settings.num_layers > len(state):  # each has weights of its own
        raise UserError(f"{path}: its configuration has {settings.num_layers} layers, and the file {len(state)} arrays")
    model = create_model(settings).to(dtype=_dtype(dtype))
    if is_public(state):
        state = used_keys(state, zbl=settings.zbl)
        defaults = {key: value for key, value in model.state_dict().items() if key.startswith(OWN_KEYS)}
        state = defaults | state
        if settings.zbl:
            logger.warning("%s: %s", path, ZBL_IS_ADDED)
    _require_match(path, model.state_dict(), state)
    model.load_state_dict(state)
    return model.to(device=_device(device)).eval()


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata of a safetensors model, with its configuration under `alphanet_config`.

    Raises:
        UserError: not a readable safetensors file.
    """
    require_regular(Path(path))
    try:
        with safe_open(Path(path), framework="pt") as stream:
            return dict(stream.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a readable safetensors file: {error}") from error


def _sort_header(file: Path) -> None:
    """Order the keys of the header: the library writes metadata in random order, and equal models must hash equal.

    The header is 8 bytes of length, little-endian, and so many bytes of JSON, which may end in spaces.
    """
    with file.open("r+b") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        ordered = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
        if len(ordered) == length:
            stream.seek(8)
            stream.write(ordered)


def _read(path: Path) -> tuple[dict[str, Tensor], str | None]:
    """The state and, if the file carries one, the configuration as JSON."""
    if path.is_dir():
        raise UserError(f"cannot read {path}: it is a folder; name a file")
    if path.suffix != ".safetensors":
        return read_torch_state(path), None
    metadata = read_metadata(path)
    with reading(path, "a safetensors file"), safe_open(path, framework="pt") as stream:
        state = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    return without_prefix(state) if state else state, metadata.get(CONFIG_KEY)


def _settings(path: Path, state: dict[str, Tensor], carried: str | None, given: Any) -> Config:
    of_file = _carried(carried, f"{path} (metadata)") if carried else None
    named = _as_config(given, is_public(state)) if given is not None else None
    if of_file and named and of_file != named:
        raise UserError(f"{path} carries another configuration than the one given: {_differences(of_file, named)}")
    chosen = named or of_file
    if chosen is None:
        raise UserError(f"{path} carries no configuration; name its JSON file (config)")
    return chosen


def _carried(text: str, where: str) -> Config:
    with reading(where, "a configuration"):
        return config_from(json_value(text, where), where)


def _as_config(given: Any, public: bool) -> Config:
    if isinstance(given, Config):
        return given
    values, where = (given, "config") if isinstance(given, dict) else (read_json_object(Path(given)), str(given))
    if public and values.get("reading") != "official-v1":
        return public_config(values, where)
    return config_from(values, where)


def _differences(one: Config, other: Config) -> str:
    a, b = one.model_dump(), other.model_dump()
    different = [key for key in a if a[key] != b.get(key)]
    return ", ".join(f"{key} {a[key]!r} against {b.get(key)!r}" for key in different)


def _require_match(path: Path, expected: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    missing = sorted(expected.keys() - found.keys())
    unexpected = sorted(found.keys() - expected.keys())
    shapes = [
        f"{key} is {tuple(found[key].shape)}, expected {tuple(expected[key].shape)}"
        for key in sorted(expected.keys() & found.keys())
        if found[key].shape != expected[key].shape
    ]
    problems = [
        f"{title}: {', '.join(names)}"
        for title, names in (
            ("missing keys", missing),
            ("unexpected keys", unexpected),
            ("wrong shapes", shapes),
        )
        if names
    ]
    if problems:
        raise UserError(f"{path} does not fit its configuration; {'; '.join(problems)}")


def _dtype(dtype: str | torch.dtype) -> torch.dtype:
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in DTYPES:
        raise UserError(f"unknown precision {dtype!r}{did_you_mean(dtype, DTYPES)}")
    return DTYPES[dtype]


def _device(device: str | torch.device) -> torch.device:
    chosen = torch.device(resolve_device(str(device)))
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from error
    return chosen
