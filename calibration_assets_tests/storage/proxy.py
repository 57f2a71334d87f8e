"""A TCP proxy in front of an S3 server that can cut connections and answer that it is asked too often."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
)
ANSWER = b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"


class Proxy:
    """Forwards to a server; `slow_downs` requests are refused first, `cuts` uploads are cut after `cut_after` bytes.

    `at_cut` is called before a connection is cut.
    """

    def __init__(
        self,
        server: str,
        *,
        slow_downs: int = 0,
        cuts: int = 0,
        cut_after: int = 0,
        at_cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.server, self.at_cut = urlsplit(server), at_cut
        self.slow_downs, self.cuts, self.cut_after = slow_downs, cuts, cut_after
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with self.lock:
            is_refused = self.slow_downs > 0
            self.slow_downs -= is_refused
        if is_refused:
            with client, suppress(OSError):
                client.recv(1 << 16)
                client.sendall(ANSWER % len(SLOW_DOWN) + SLOW_DOWN)
            return
        try:
            upstream = socket.create_connection((self.server.hostname, self.server.port))
        except OSError:
            client.close()
            return
        threading.Thread(target=self.forward, args=(upstream, client), daemon=True).start()
        self.forward(client, upstream, is_upload=True)

    def forward(self, source: socket.socket, target: socket.socket, is_upload: bool = False) -> None:
        passed = 0
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                passed += len(piece)
                if is_upload and passed > self.cut_after and self.is_cut():
                    self.at_cut()
                    break
                target.sendall(piece)
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def is_cut(self) -> bool:
        with self.lock:
            cut = self.cuts > 0
            self.cuts -= cut
        return cut
