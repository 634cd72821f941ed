"""A loopback portal on a free port of this machine."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Call, Json
from tests.worlds.serving import pour, serving


@contextmanager
def serve(portal: Portal) -> Iterator[str]:
    """Serve a portal on a free port of this machine; give its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one packet

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type") or ""
            if "json" in kind:
                self._answer(json.loads(raw or b"{}"))
            else:
                self._answer({k: v[0] for k, v in parse_qs(raw.decode()).items()})

        def _answer(self, body: Json) -> None:
            url = urlsplit(self.path)
            query = {k: ",".join(v) for k, v in parse_qs(url.query).items()}
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            headers = dict(self.headers)
            call = Call(self.command, url.path, query, body, token, headers)
            answer = portal.answer(call)
            if answer.drop:
                self.close_connection = True
                return
            if answer.raw is not None:
                pour(self, answer)
                return
            text = answer.body
            raw = (text if isinstance(text, str) else json.dumps(text)).encode()
            self.send_response_only(answer.status)
            if portal.tells_time:
                self.send_header("Date", format_datetime(portal.now, usegmt=True))
            if "gzip" in self.headers.get("Accept-Encoding", "") and answer.cut is None:
                raw = gzip.compress(raw, 1)
                self.send_header("Content-Encoding", "gzip")
            length = len(raw) if answer.length is None else answer.length
            self.send_header("Content-Length", str(length))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw[: answer.cut])
            if answer.cut is not None or length > len(raw):
                self.close_connection = True  # nothing more will come

    with serving(Handler) as address:
        yield address
