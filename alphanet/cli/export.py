"""`alphanet export`: a model compiled to one file."""

import typer

from alphanet.cli import options as o
from alphanet.cli.output import print_json


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("export", epilog="Example:\n\nalphanet export model.safetensors --out model.pt2")(export)


def export(
    model: o.ModelFile,
    out: o.OutFile,
    dtype: o.Dtype = None,
    device: o.Device = "auto",
    config: o.ModelConfig = None,
    as_json: o.AsJson = False,
) -> None:
    """Compile a model with AOTInductor to a file that ends in .pt2, if the file predicts what the model predicts.

    The file runs on the same kind of processor or GPU with the same torch. It is native code.
    """
    from alphanet.files import sha256_of
    from alphanet.model.checkpoint import load_model
    from alphanet.model.export import export_model

    loaded = load_model(model, config, dtype or "float32", device)
    difference = export_model(loaded, out, extra={"weights_sha256": sha256_of(model)})
    size = out.stat().st_size
    if as_json:
        print_json("alphanet-export", {"file": str(out), "bytes": size, "difference": difference})
    else:
        print(f"{out}: {size / 1e6:.1f} MB, within {difference:.1e} of the model (relative)")
