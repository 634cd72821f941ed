"""Serves an org over HTTP, and breaks replies off where a fault says so."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.worlds.salesforce import Call, Json, Org
from tests.worlds.serving import pour, serving


@contextmanager
def serve(org: Org) -> Iterator[str]:
    """Serve an org on a free port of this machine; give its address."""
    one_at_a_time = threading.RLock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = "form" in (self.headers.get("Content-Type") or "")
            self._answer(
                {k: v[0] for k, v in parse_qs(raw.decode()).items()}
                if form
                else json.loads(raw)
            )

        def do_PATCH(self) -> None:
            self.do_POST()

        def _answer(self, body: Json) -> None:
            url = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            headers = {k.lower(): v for k, v in self.headers.items()}
            length = len(self.path)
            call = Call(self.command, url.path, query, body, headers, length)
            with one_at_a_time:
                answer = org.answer(call)
            if answer.drop:
                self.close_connection = True
                return
            if answer.raw is not None:
                pour(self, answer)
                return
            raw = (
                answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            ).encode()
            own = answer.headers
            if "gzip" in headers.get("accept-encoding", ""):
                raw = gzip.compress(raw, 1)
                own = {**own, "Content-Encoding": "gzip"}
            self.send_response_only(answer.status)
            date = format_datetime(org.now + org.clock, usegmt=True)
            self.send_header("Date", date)
            self.send_header("Content-Length", str(len(raw)))
            if org.usage_header:
                self.send_header("Sforce-Limit-Info", org.usage_header)
            for name, text in own.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(raw[: answer.cut])
            self.close_connection = answer.cut is not None

    with serving(Handler) as address:
        yield address
