"""Run uv with pip's configuration.

uv does not read pip's configuration, so its indexes, find-links (for example a folder with a CPU build of torch) and
certificates are passed on. If no find-links offer torch, uv chooses the build that fits the machine, so that a machine
without a GPU does not download several GB of CUDA packages. Only the standard library is imported, because
`make setup` runs this file before anything is installed.
"""

import os
import subprocess
import sys
from pathlib import Path


def uv_environment() -> dict[str, str]:
    """Environment variables for uv: this process's own, with pip's indexes and certificates, or torch's backend."""
    environment = dict(os.environ)
    links = _pip_setting("find-links").split()
    if links:
        environment.setdefault("UV_FIND_LINKS", ",".join(links))
    if not any(_may_offer_torch(place) for place in links):
        environment.setdefault("UV_TORCH_BACKEND", "auto")
    index = _pip_setting("index-url")
    if index:
        environment.setdefault("UV_DEFAULT_INDEX", index)
    more = _pip_setting("extra-index-url")
    if more and "UV_INDEX" not in environment:
        environment["UV_INDEX"] = " ".join(more.split())
        environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # what pip does: the best of all indexes
    certificates = _pip_setting("cert")
    if certificates:
        environment.setdefault("SSL_CERT_FILE", certificates)
    environment.setdefault("UV_LINK_MODE", "hardlink")
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    return environment


def _may_offer_torch(place: str) -> bool:
    """Whether a find-links entry holds a build of torch; a remote address is assumed to."""
    folder = Path(place.removeprefix("file://"))
    return any(folder.glob("torch-*.whl")) if folder.is_dir() else "://" in place


def _pip_setting(name: str) -> str:
    from_environment = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if from_environment:
        return from_environment
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", f"global.{name}"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""


def uv_command() -> str:
    """Path of the uv that is installed beside this Python, else the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else "uv"


if __name__ == "__main__":
    sys.exit(subprocess.run([uv_command(), *sys.argv[1:]], env=uv_environment(), check=False).returncode)
