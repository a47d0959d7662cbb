"""A stranger's web server, and a name that first leads to it and then to the node.

Both listen on loopback, serve in threads, and end with the test.
"""

import contextlib
import socket
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SCRIPT = (Path(__file__).parent / "evil_page.js").read_bytes()
PAGE = b"<!doctype html><meta charset=utf-8><title>nice</title><body><script src=/evil.js></script>"
PAGES = ("/", "/landed")
PIECE_BYTES = 65_536


class Server(ThreadingHTTPServer):
    """Serves the page, and keeps what browsers say to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[str] = []  # request lines and headers

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.heard.append(f"{self.requestline}\n{self.headers}")
        data, kind = (PAGE, "text/html") if self.path in PAGES else (SCRIPT, "text/javascript")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        # As careless as a server can be: another page may read everything with its cookies.
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Allow-Credentials", "true")
        self.send_header("Connection", "close")  # the next request asks for the name anew
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Nothing on the screen."""


@contextlib.contextmanager
def serving() -> Generator[Server]:
    """The stranger's server while this lasts."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Rebinding:
    """A port behind a name: what comes is passed on to the port that the name leads to now."""

    def __init__(self, port: int) -> None:
        self.leads_to = port
        self.passed: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = [self._listener]

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.getsockname()[1]

    @contextlib.contextmanager
    def running(self) -> Generator["Rebinding"]:
        """Pass on while this lasts."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self.leads_to))
                self.passed.append(self.leads_to)
                self._ends += [here, there]
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
