"""Downloads against a server that cuts connections, answers 500, ignores ranges and lies."""

import hashlib
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from alphanet.data import progress
from alphanet.data.download import Expected, download
from alphanet.data.streaming import ATTEMPTS
from alphanet.errors import UserError

CONTENT = np.random.default_rng(0).bytes(200_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
RIGHT = Expected(sha256=SHA256, size=len(CONTENT))


@pytest.fixture
def fetch(server, tmp_path):
    server.content["/host/data.bin"] = CONTENT

    def run(expected=RIGHT, path="/host/data.bin", target=tmp_path / "data.bin"):
        return download([server.address + path], target, expected)

    return run


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("expected", [RIGHT, Expected(md5=MD5), Expected()])
def test_a_file_arrives_whole(fetch, tmp_path, expected):
    assert fetch(expected) == SHA256
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["data.bin"]


def test_a_file_that_is_there_is_checked_and_not_fetched_again(fetch, server):
    fetch()
    assert fetch() == SHA256
    assert len(server.requests) == 1


def test_a_wrong_file_that_is_there_is_replaced(fetch, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"something else")
    assert fetch() == SHA256


@pytest.mark.parametrize("expected", [RIGHT, Expected()])
def test_cut_connections_are_resumed_where_they_broke(fetch, server, tmp_path, expected):
    server.cut_after = [50_000, 30_000]
    assert fetch(expected) == SHA256
    assert [asked for _, asked in server.requests] == [None, "bytes=50000-", "bytes=80000-"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_is_read_from_the_start(fetch, server, tmp_path):
    server.cut_after, server.ignore_range = [50_000], True
    assert fetch() == SHA256
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_server_errors_are_retried(fetch, server):
    server.statuses = [500, 503, 429]
    assert fetch() == SHA256


def test_a_server_that_stays_broken_is_given_up_and_what_arrived_is_kept(fetch, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:1000])
    server.statuses = [500] * 20
    with pytest.raises(UserError, match=r"500.*check the network and run again"):
        fetch()
    assert not (tmp_path / "data.bin").exists()
    assert (tmp_path / "data.bin.part").read_bytes() == CONTENT[:1000]


def test_the_same_bytes_again_and_again_are_no_progress(fetch, server):
    server.cut_after, server.wrong_range = [50_000] * 50, True
    with pytest.raises(UserError, match=r"another part than asked for|the connection closed"):
        fetch()
    assert len(server.requests) == ATTEMPTS


@pytest.mark.parametrize("place", ["data:text/plain,a", "gopher://host/a", "ftp://host/a", "/host/data.bin"])
def test_redirects_to_no_file_are_one_line(fetch, server, place):
    server.redirect_to = place  # the last one is the file itself
    with pytest.raises(UserError, match=r"cannot fetch .*it leads to no file \([^\n]+\)$"):
        fetch()


def test_no_network_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"cannot fetch http://127.0.0.1:9/x"):
        download(["http://127.0.0.1:9/x"], tmp_path / "x", RIGHT)
    assert "x" not in leftovers(tmp_path)


def test_a_missing_file_names_its_address(fetch):
    with pytest.raises(UserError, match=r"/host/none does not exist \(404\)"):
        fetch(path="/host/none")


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (Expected(sha256="0" * 64), "wrong checksum"),
        (Expected(md5="0" * 32), "wrong checksum"),
        (Expected(size=7), "200000 bytes, expected 7"),
    ],
)
def test_wrong_bytes_are_removed(fetch, tmp_path, expected, reason):
    with pytest.raises(UserError, match=f"{reason}.*was removed"):
        fetch(expected)
    assert leftovers(tmp_path) == []


def test_an_empty_answer_with_status_200_is_an_error(fetch, server):
    server.content["/host/data.bin"] = b""
    with pytest.raises(UserError, match="is empty"):
        fetch(Expected())


def test_a_web_page_is_not_data(fetch, server):
    server.content["/host/data.bin"] = b"<!DOCTYPE html><p>Are you a robot?</p>"
    with pytest.raises(UserError, match="web page"):
        fetch(Expected())


def test_a_full_disk_is_noticed_before_anything_is_fetched(fetch, server):
    with pytest.raises(UserError, match=r"free, data.bin needs"):
        fetch(Expected(size=10**18))
    assert server.requests == []


def test_leftovers_of_another_version_are_not_joined(fetch, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(b"x" * 1000)
    (tmp_path / "data.bin.part.validator").write_text('"older"')
    assert fetch(Expected()) == SHA256
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_damaged_leftover_is_fetched_from_the_start(fetch, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(b"x" * 1000)
    assert fetch() == SHA256
    assert [asked for _, asked in server.requests] == ["bytes=1000-", None]


def test_a_complete_leftover_needs_no_request(fetch, server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    assert fetch() == SHA256
    assert server.requests == []
    (tmp_path / "again.part").write_bytes(CONTENT)
    assert fetch(Expected(sha256=SHA256), target=tmp_path / "again") == SHA256  # the server answers 416


def test_two_downloads_of_one_file_do_not_mix(fetch, server, tmp_path):
    server.delay = 0.002
    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_https_is_never_left(monkeypatch, server, tmp_path):
    """A redirect from https to http is refused; the request itself is never sent."""
    import httpx

    from alphanet.data import streaming

    def answer(request):
        assert request.url.scheme == "https"
        return httpx.Response(302, headers={"Location": "http://elsewhere/x"})

    client = httpx.Client
    monkeypatch.setattr(
        streaming.httpx, "Client", lambda **options: client(transport=httpx.MockTransport(answer), **options)
    )
    with pytest.raises(UserError, match="not https"):
        download(["https://host/x"], tmp_path / "x", RIGHT)


CHILD = """
import sys
from pathlib import Path
from alphanet.data import progress
from alphanet.data.download import Expected, download
download([sys.argv[1]], Path(sys.argv[2]), Expected(sha256=sys.argv[3]))
"""


def test_kill_9_in_the_middle_is_resumed(server, fetch, tmp_path):
    server.delay = 0.02
    target, part = tmp_path / "data.bin", tmp_path / "data.bin.part"
    child = subprocess.Popen([sys.executable, "-c", CHILD, f"{server.address}/host/data.bin", target, SHA256])
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 20_000):
        assert child.poll() is None, "the download ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not target.exists()
    kept = part.stat().st_size
    server.delay = 0.0
    assert fetch(Expected(sha256=SHA256)) == SHA256
    assert server.requests[-1][1] == f"bytes={kept}-"
    assert target.read_bytes() == CONTENT


def test_a_disk_that_fills_up_keeps_what_arrived(server, fetch, tmp_path):
    """A limit of the file size stands for the full disk: writes fail in the middle."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))\n" + CHILD
    run = subprocess.run(
        [sys.executable, "-c", limited, f"{server.address}/host/data.bin", tmp_path / "data.bin", SHA256],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "UserError: cannot write" in run.stderr
    assert "make room" in run.stderr
    assert leftovers(tmp_path) == ["data.bin.part", "data.bin.part.validator"]
    assert fetch() == SHA256


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(fetch, tmp_path, monkeypatch, caplog, capsys):
    caplog.set_level(logging.INFO, "alphanet")  # httpx logs every request
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    fetch()
    assert re.fullmatch(r"data\.bin: 0\.\d MB of 0\.2 MB", caplog.messages[1])
    assert capsys.readouterr().err == ""
    caplog.clear()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch(target=tmp_path / "again.bin")
    assert [line.split(" ")[0] for line in caplog.messages] == ["fetching"]
    assert "again.bin" in capsys.readouterr().err


def test_another_attempt_is_a_warning(fetch, server, caplog):
    server.statuses = [503]
    fetch()
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]
    assert "the server answers 503" in caplog.text and "trying again" in caplog.text
