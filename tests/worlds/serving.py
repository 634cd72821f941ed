"""A threaded HTTP server on a free port here that leaves no thread behind."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol


class LoopbackServer(ThreadingHTTPServer):
    """Remembers its connections, so that kept-alive ones can be cut at the end."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


class Poured(Protocol):
    """An answer that goes over the wire as it is."""

    @property
    def status(self) -> int: ...

    @property
    def raw(self) -> bytes | None: ...

    @property
    def encoding(self) -> str: ...

    @property
    def repeat(self) -> int: ...

    @property
    def pause(self) -> float: ...


def pour(handler: BaseHTTPRequestHandler, answer: Poured) -> None:
    """Send bytes over and over, until the other side has had enough."""
    raw = answer.raw or b""
    handler.send_response_only(answer.status)
    if answer.encoding:
        handler.send_header("Content-Encoding", answer.encoding)
    handler.send_header("Content-Length", str(len(raw) * answer.repeat))
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(answer.repeat):
            if answer.pause:
                handler.wfile.flush()
                time.sleep(answer.pause)
            handler.wfile.write(raw)
        handler.wfile.flush()
    handler.close_connection = True


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve until the context ends; give the address."""
    server = LoopbackServer(handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept connections on a free port of this machine, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    answer(server.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
