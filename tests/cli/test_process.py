"""The command line's process: `~` in words, 8-bit terminals, signals, memory."""

import os
import signal
import subprocess
import sys
import time

import pytest

from alphanet.cli import process

ALPHANET = [sys.executable, "-m", "alphanet"]


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("--out=~/x", "--out=/home/me/x"),
        ("-o~/x", "-o/home/me/x"),
        ("~/x", "/home/me/x"),
        ("~", "/home/me"),
        ("data.train=~/x", "data.train=/home/me/x"),
        ("nequip:~/best.pt", "nequip:/home/me/best.pt"),
        ("slurm:~/s.yaml", "slurm:/home/me/s.yaml"),
        ("a~/x", "a~/x"),
        ("./~/x", "./~/x"),
        ("--only=a~b", "--only=a~b"),
        ("x=~nobody-here/x", "x=~nobody-here/x"),
    ],
)
def test_a_home_folder_is_expanded_where_no_shell_does_it(monkeypatch, word, expanded):
    monkeypatch.setenv("HOME", "/home/me")
    assert process.with_home([word]) == [expanded]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("ascii", ["data", "info", "zeolite"]), ("koi8-r", ["eval", "--help"]), ("cp1252:strict", ["eval", "--help"])],
)
def test_a_terminal_that_lacks_characters_is_no_error(encoding, words):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    done = subprocess.run([*ALPHANET, *words], capture_output=True, check=False, env=environment)
    assert done.returncode == 0 and b"Error" not in done.stderr
    assert b"?????" not in done.stdout


def test_json_stays_whole_on_an_8_bit_terminal():
    import json

    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*ALPHANET, "data", "info", "zeolite", "--json"], capture_output=True, check=True, env=environment
    )
    assert "Å" in json.dumps(json.loads(done.stdout), ensure_ascii=False)


def test_names_that_are_no_text_are_shown(tmp_path):
    done = subprocess.run(
        [os.fsencode(word) for word in (*ALPHANET, "data", "stats")] + [b"no\xff.xyz"], capture_output=True, check=False
    )
    assert done.returncode == 1 and done.stderr.startswith(rb"error: no\udcff.xyz does not exist")


WRITER = """
import sys, time
from alphanet.cli import process
from alphanet.files import atomic_path
from pathlib import Path
process.end_orderly()
with atomic_path(Path("out.txt")) as part:
    part.write_text("half")
    print("begun", flush=True)
    time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_leaves_no_unfinished_files(tmp_path, number):
    code = f"import signal; signal.signal({int(number)}, signal.SIG_DFL)  # also below nohup\n{WRITER}"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "begun\n"
    child.send_signal(number)
    assert child.wait(10) == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_an_ignored_signal_stays_ignored(tmp_path):
    code = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{WRITER.replace('sleep(30)', 'sleep(1)')}"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    child.send_signal(signal.SIGHUP)
    assert child.wait(10) == 0 and (tmp_path / "out.txt").read_text() == "half"


def test_a_forked_child_ends_without_cleaning_up_for_its_parent(tmp_path):
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # another test's handler would stay
    try:
        process.end_orderly()
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(told, b".")
            time.sleep(30)
            os._exit(0)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"), "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "not enough memory"),
        (RuntimeError("shapes differ"), None),
    ],
)
def test_exhausted_memory_is_one_line(error, said):
    message = process.memory_message(error)
    assert message is None if said is None else said in message and "\n" not in message
