"""The tutorial typed into a shell by a user who installed the wheel: away from the checkout, without a network."""

import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from pages import DOCS, ROOT, blocks, write_files

from alphanet.potentials.uv import uv_command, uv_environment

pytestmark = pytest.mark.slow

TEN_MINUTES = 600


def test_tutorial(installed, tmp_path):
    reader = tmp_path / "reader"
    reader.mkdir()
    write_files("tutorial.md", reader)
    typed = "".join(block.content for block in blocks(DOCS / "tutorial.md") if block.language == "sh")
    printed = run(["bash", "-euc", typed], installed, reader, timeout=TEN_MINUTES)
    assert "eV/atom" in printed and (reader / "md.traj").stat().st_size > 0
    for name in ("parity.png", "learning.png", "model.safetensors", "results.json"):
        assert (reader / "runs" / "own" / name).stat().st_size > 0
    assert "Warm argon" in (reader / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def installed(wheel, tmp_path) -> Path:
    """An environment with the wheel; its other packages are those of this interpreter."""
    folder = tmp_path / "environment"
    venv.create(folder)
    python = folder / "bin" / "python"
    uv("pip", "install", "--offline", "--no-deps", "--python", str(python), str(wheel))
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(["python", "-c", purelib], folder, tmp_path).strip())
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    package = run(["python", "-c", "import alphanet; print(alphanet.__file__)"], folder, tmp_path)
    assert Path(package).is_relative_to(packages)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout. Its build needs hatchling: from uv's cache, or from the network."""
    folder = tmp_path_factory.mktemp("wheel")
    arguments = ["build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)]
    try:
        uv(*arguments, "--offline")
    except subprocess.CalledProcessError:
        uv(*arguments)
    (built,) = folder.glob("*.whl")
    return built


def uv(*arguments: str) -> None:
    subprocess.run([uv_command(), *arguments], env=uv_environment(), check=True)


def run(command: list[str], environment: Path, folder: Path, timeout: float = 60) -> str:
    """What a command prints in `folder`, where the programs of `environment` come first and no variable is ours."""
    ours = {name for name in os.environ if name.startswith(("ALPHANET_", "PYTHON"))}
    variables = {name: value for name, value in os.environ.items() if name not in ours}
    variables["PATH"] = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables["ALPHANET_HOME"] = str(folder / ".home")
    variables["ALPHANET_MIRROR"] = folder.as_uri()  # which holds no data set: nothing is downloaded
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
