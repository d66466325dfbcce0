"""A local server of files that misbehaves as the file `manner` in its folder says, until that file is removed."""

import os
import random
import signal
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
STALL = 3.0  # seconds; clients here wait for one
SCHEMES = ("file:///etc/hostname", "ftp://localhost/a", "data:text/plain,a", "gopher://localhost/a")
MANNERS = {
    "stall": "stops in the middle",
    "reset": "closes the connection in the middle",
    "claims more": "announces more bytes than it sends",
    "claims less": "announces fewer bytes than it sends",
    "wrong range": "answers a range with another one",
    "no range": "answers a range with the whole file",
    "page": "sends a web page with status 200",
    "redirect": "redirects to another scheme",
    "status": "answers 500, 403 or 429",
    "other bytes": "sends other bytes of the right length",
}


def serve(folder: Path) -> tuple[int, str]:
    """Start the server of `folder` in a process of its own; its number, and the address of the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, folder))
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server.serve_forever()
    server.server_close()
    return process, f"http://127.0.0.1:{server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, folder: Path, *args: object) -> None:
        self.folder = folder
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.folder / self.path.partition("?")[0].lstrip("/")
        if path.is_dir():
            names = sorted(entry.name for entry in path.iterdir())
            return self._send("".join(f'<a href="{name}">{name}</a>\n' for name in names).encode(), {})
        if not path.is_file():
            return self._send(b"", {}, 404)
        manner = self.folder / "manner"
        return self._answer(path.read_bytes(), manner.read_text() if manner.exists() else "")

    def _answer(self, content: bytes, manner: str) -> None:
        chance = random.Random(f"{manner}{len(content)}")
        cut = chance.randrange(max(1, len(content)))
        begin = min(self._begin(), len(content) - 1)
        if manner == "page":
            return self._send(PAGE, {"Content-Type": "text/html"})
        if manner == "redirect":
            return self._send(b"", {"Location": chance.choice(SCHEMES)}, 302)
        if manner == "status":
            return self._send(b"", {}, chance.choice([500, 403, 429]))
        if manner == "other bytes":
            content = content[:cut] + bytes(len(content) - cut)
        if manner == "no range" or not begin:
            return self._send(content, {}, 200, manner, cut)
        shown = begin // 2 if manner == "wrong range" else begin
        claim = {"Content-Range": f"bytes {shown}-{len(content) - 1}/{len(content)}"}
        return self._send(content[shown:], claim, 206, manner, max(0, cut - begin))

    def _begin(self) -> int:
        asked = self.headers.get("Range", "").removeprefix("bytes=").split("-")[0]
        return int(asked) if asked.isdigit() else 0

    def _send(self, body: bytes, headers: dict[str, str], status: int = 200, manner: str = "", cut: int = 0) -> None:
        claimed = len(body) + {"claims more": 1000, "claims less": -(len(body) // 2)}.get(manner, 0)
        self.send_response(status)
        for key, value in {"Content-Length": str(claimed), "ETag": '"1"', **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if manner in ("stall", "reset", "wrong range", "no range"):
            body = body[:cut]
        self.wfile.write(body)
        self.wfile.flush()
        if manner == "stall":
            time.sleep(STALL)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass
