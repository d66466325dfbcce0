"""Run uv with what pip is configured to use.

uv does not read pip's configuration: where pip has find-links (say, a folder with a CPU build of torch), they are handed
over. Where it has none, uv is asked to choose the build of torch that fits the machine, so that a machine without a GPU
does not receive several GB of CUDA packages. Standard library only: `make setup` runs this file before anything is
installed.
"""

import os
import subprocess
import sys
from pathlib import Path


def uv_environment() -> dict[str, str]:
    """The process environment for uv: this one, with pip's find-links and certificates, or torch's backend."""
    environment = dict(os.environ)
    links = _pip_setting("find-links")
    if links:
        environment.setdefault("UV_FIND_LINKS", ",".join(links.split()))
    else:
        environment.setdefault("UV_TORCH_BACKEND", "auto")
    certificates = _pip_setting("cert")
    if certificates:
        environment.setdefault("SSL_CERT_FILE", certificates)
    environment.setdefault("UV_LINK_MODE", "hardlink")
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    return environment


def _pip_setting(name: str) -> str:
    from_environment = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if from_environment:
        return from_environment
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", f"global.{name}"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def uv_command() -> str:
    """Path of the uv that is installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else "uv"


if __name__ == "__main__":
    sys.exit(subprocess.run([uv_command(), *sys.argv[1:]], env=uv_environment(), check=False).returncode)
