"""`alphanet export`: a model compiled to one file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from alphanet.cli.options import AsJson, Device, Dtype, ModelConfig


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("export")(export)


def export(
    model: Annotated[Path, typer.Argument(help="A model: .safetensors, or a public checkpoint with --config.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, ending in .pt2.")],
    dtype: Dtype = "float32",
    device: Device = "cpu",
    config: ModelConfig = None,
    as_json: AsJson = False,
) -> None:
    """Compile a model with AOTInductor; it is written only if it predicts what the model predicts.

    The file runs where it was made: the same kind of processor or GPU, the same torch. It is native code.
    """
    from alphanet.data.progress import print_to_stderr
    from alphanet.files import sha256_of
    from alphanet.model.checkpoint import load_model
    from alphanet.model.export import export_model

    loaded = load_model(model, config, dtype, device)
    difference = export_model(loaded, output, print_to_stderr, {"weights_sha256": sha256_of(model)})
    size = output.stat().st_size
    if as_json:
        print(json.dumps({"file": str(output), "bytes": size, "difference": difference}))
    else:
        print(f"{output}: {size / 1e6:.1f} MB, within {difference:.1e} of the model (relative)")
