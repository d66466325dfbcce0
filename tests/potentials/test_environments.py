import json
import logging
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_baseline import CARD

from alphanet.errors import UserError
from alphanet.potentials import environments, uv

# Stands for uv: makes a folder whose Python is this one, and does what the file `orders` says.
FAKE_UV = """#!{python}
import json, pathlib, sys
orders = json.loads(pathlib.Path({orders!r}).read_text())
command = sys.argv[1:]
if command[0] == "venv":
    (pathlib.Path(command[-1]) / "bin").mkdir(parents=True)
    (pathlib.Path(command[-1]) / "bin" / "python").symlink_to({python!r})
elif command[:2] == ["pip", "freeze"]:
    print(orders["freeze"])
elif "--dry-run" in command:
    print(orders.get("planned", ""))
elif orders.get("complaint"):
    print(orders["complaint"], file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def orders(tmp_path, monkeypatch):
    """A function that tells the fake uv what to do."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    file, tool = tmp_path / "orders.json", tmp_path / "uv"
    tool.write_text(FAKE_UV.format(python=sys.executable, orders=str(file)))
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(environments, "uv_command", lambda: str(tool))
    monkeypatch.setattr(environments, "uv_environment", lambda: dict(os.environ))
    monkeypatch.setattr(environments, "has_accelerator_driver", lambda: False)

    def tell(**values: str) -> None:
        file.write_text(json.dumps({"freeze": "numpy==2.4.6\ntorch==2.13.0+cpu"} | values))

    tell()
    return tell


def test_install_once_and_remove(orders, make_card, caplog):
    card = make_card()
    caplog.set_level("INFO")
    assert environments.state(card) == "absent"
    with pytest.raises(
        UserError, match=r"is not installed; make it with: alphanet baselines install \S*/baselines/fake$"
    ):
        environments.python_of(card)
    assert environments.install(card)
    assert any("numpy==2.4.6" in line for line in caplog.messages)
    assert not environments.install(card)
    assert environments.is_installed(card)
    assert environments.python_of(card).is_file()
    assert environments.resolved_versions(card) == {"numpy": "2.4.6", "torch": "2.13.0+cpu"}
    assert environments.size_of(card) > 0
    assert environments.remove(card)
    assert not environments.remove(card)
    assert environments.state(card) == "absent"


def test_an_environment_that_is_there_is_not_touched(orders, make_card, tmp_path):
    card, lock = make_card(), tmp_path / "home" / "environments" / ".fake.lock"
    environments.install_if_missing(card)
    assert environments.is_installed(card)
    lock.unlink()
    environments.install_if_missing(card)
    assert not lock.exists()


def test_a_changed_card_is_noticed_and_made_anew(orders, make_card):
    environments.install(make_card())
    newer = make_card(environment=CARD["environment"] | {"packages": [{"name": "numpy", "version": "2.4.7"}]})
    assert environments.state(newer) == "changed"
    with pytest.raises(UserError, match="was made from an older card"):
        environments.python_of(newer)
    orders(freeze="numpy==2.4.7")
    assert environments.install(newer)
    assert environments.resolved_versions(newer) == {"numpy": "2.4.7"}


@pytest.mark.parametrize(
    ("told", "imports", "said"),
    [
        (
            {"complaint": "error: no\n  numpy==9.9 was not found"},
            "json",
            "uv cannot install numpy==9.9.*not found",
        ),
        ({}, "no_such_module", "import no_such_module fails: .*No module named 'no_such_module'"),
        (
            {"planned": " + nvidia-cublas==13.0"},
            "json",
            "has no GPU, but uv would install nvidia-cublas",
        ),
    ],
)
def test_a_failed_install_leaves_the_old_environment(orders, make_card, tmp_path, told, imports, said):
    environments.install(make_card())
    block = {"packages": [{"name": "numpy", "version": "9.9"}], "imports": [imports]}
    newer = make_card(environment=CARD["environment"] | block)
    orders(**told)
    with pytest.raises(UserError, match=said):
        environments.install(newer)
    assert environments.resolved_versions(make_card()) == {"numpy": "2.4.6", "torch": "2.13.0+cpu"}
    assert sorted(path.name for path in (tmp_path / "home" / "environments").iterdir()) == [".fake.lock", "fake"]


def test_a_kill_between_the_renames_is_mended(orders, make_card, tmp_path):
    card = make_card()
    environments.install(card)
    folder = tmp_path / "home" / "environments" / "fake"
    folder.rename(folder.with_name(".fake.old"))
    assert not environments.install(card)
    assert environments.is_installed(card)


def test_a_second_install_waits_for_the_first(orders, make_card, caplog):
    caplog.set_level(logging.INFO)
    card = make_card()
    with environments._locked(card.environment):
        second = threading.Thread(target=environments.install, args=(card,))
        second.start()
        end = time.monotonic() + 10
        while not caplog.messages and time.monotonic() < end:
            time.sleep(0.02)
        assert caplog.messages == ["fake: another process is installing it; waiting"]
        assert environments.state(card) == "absent"
    second.join(20)
    assert environments.is_installed(card)


def test_uv_is_told_what_pip_knows(monkeypatch, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    known = {
        "find-links": str(wheels),
        "index-url": "https://example.org/simple",
        "extra-index-url": "https://a.example.org\nhttps://b.example.org",
        "cert": "/certificates.pem",
    }
    for name in [name for name in os.environ if name.startswith("UV_")] + ["SSL_CERT_FILE"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(uv, "_pip_setting", lambda name: known.get(name, ""))
    told = uv.uv_environment()
    assert told["UV_FIND_LINKS"] == str(wheels)
    assert told["UV_DEFAULT_INDEX"] == "https://example.org/simple"
    assert told["UV_INDEX"] == "https://a.example.org https://b.example.org"
    assert told["SSL_CERT_FILE"] == "/certificates.pem"
    assert told["UV_TORCH_BACKEND"] == "auto"  # the folder holds no torch, so the build must be chosen
    (wheels / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    assert "UV_TORCH_BACKEND" not in uv.uv_environment()
    assert Path(uv.uv_command()).name == "uv"
