"""Frames, and a local server that misbehaves on demand."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from alphanet.data import streaming


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(streaming, "PAUSE", 0.0)


def make_frame(seed: int, stress: bool = True, **info: object) -> Atoms:
    """A rattled copper-gold cell with labels that use all digits of float64."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[1] = "Au"
    atoms.positions += rng.normal(0, 0.1, (4, 3))
    labels = {"energy": -1228.7 * 4 + rng.normal(), "forces": rng.normal(0, 1, (4, 3))}
    if stress:
        labels["stress"] = rng.normal(0, 1e-3, 6)
    atoms.calc = SinglePointCalculator(atoms, **labels)
    atoms.info.update(info)
    return atoms


@pytest.fixture
def frame() -> Callable[..., Atoms]:
    return make_frame


@dataclass
class Faults:
    """What the server does wrong, and what it was asked."""

    content: dict[str, bytes] = field(default_factory=dict)  # path -> bytes
    cut_after: list[int] = field(default_factory=list)  # one request each: close after so many bytes
    statuses: list[int] = field(default_factory=list)  # one request each: answer with this status
    ignore_range: bool = False
    wrong_range: bool = False
    redirect_to: str | None = None
    etag: str | None = '"1"'
    delay: float = 0.0  # s, between blocks
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, faults: Faults, *args: object):
        self.faults = faults
        super().__init__(*args)

    def do_GET(self) -> None:
        faults = self.faults
        asked = self.headers.get("Range")
        faults.requests.append((self.path, asked))
        if faults.redirect_to:
            return self._answer(302, {"Location": faults.redirect_to})
        if faults.statuses:
            return self._answer(faults.statuses.pop(0), {})
        if self.path not in faults.content:
            return self._answer(404, {})
        body, start = faults.content[self.path], 0
        current = self.headers.get("If-Range") in (None, faults.etag)
        if asked and current and not faults.ignore_range:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                return self._answer(416, {"Content-Range": f"bytes */{len(body)}"})
            start -= faults.wrong_range and start > 0
        headers = {"Content-Length": str(len(body) - start)}
        if faults.etag:
            headers["ETag"] = faults.etag
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self._answer(206 if start else 200, headers)
        end = start + faults.cut_after.pop(0) if faults.cut_after else len(body)
        for place in range(start, min(end, len(body)), 4096):
            self.wfile.write(body[place : min(place + 4096, end)])
            if faults.delay:
                self.wfile.flush()
                threading.Event().wait(faults.delay)
        return None

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": "0", **headers}.items():
            self.send_header(key, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Faults]:
    faults = Faults()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, faults))
    thread = threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    faults.address = f"http://127.0.0.1:{httpd.server_address[1]}"
    yield faults
    httpd.shutdown()
    httpd.server_close()
