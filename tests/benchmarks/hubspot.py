"""HubSpot: our connector beside a plain hubspot-api-client script.

    python tests/benchmarks/hubspot.py [--count RECORDS]

Companies, contacts, deals and tasks, 10,000 each, with 13 properties and two kinds of
associations, come from a server on this machine; each way runs in a process of its own.
Printed are CPU per row and calls per 1,000 rows, and for ours the time at 150 ms a call
and at HubSpot's own limit of 190 calls in ten seconds, which answers 429 beyond. Then
the write side: 1,000 owners and 1,000 tasks with journal, drift check and verification.
The aims: 35 µs a row (the plain script: about 180), 10.1 calls per 1,000 rows, 22 s at
the limit without a 429; 21 writes, and 20 reads of what is written.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

# Beside this file stands no package: here, hubspot is the client's name.
sys.path[0] = str(Path(__file__).resolve().parents[2])

PROPERTIES = tuple(f"property_{n:02}" for n in range(13))
ASSOCIATIONS = {
    "companies": ("deals", "contacts"),
    "contacts": ("companies", "deals"),
    "deals": ("companies", "contacts"),
    "tasks": ("companies", "contacts"),
}
LIMIT = 190
DELAY = 0.15


# The portal


def serve(count: int, delay: float, rate: int) -> None:
    """Serve pages until the process ends; the first line printed is the port."""
    pages = {kind: rendered(kind, count) for kind in ASSOCIATIONS}
    window: deque[float] = deque()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            time.sleep(delay)
            if self.is_too_many():
                body = b'{"errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}'
                self.send(429, body, body)
                return
            kind = url.path.rsplit("/", 1)[1]
            after = int(parse_qs(url.query).get("after", ["0"])[0])
            self.send(200, *pages[kind][after // 100])

        def is_too_many(self) -> bool:
            with lock:
                now = time.monotonic()
                while window and now - window[0] >= 10:
                    window.popleft()
                if len(window) >= rate:
                    return True
                window.append(now)
                return False

        def send(self, status: int, plain: bytes, packed: bytes) -> None:
            zipped = "gzip" in self.headers.get("Accept-Encoding", "") and status == 200
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            if zipped:
                self.send_header("Content-Encoding", "gzip")
            body = packed if zipped else plain
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-HubSpot-RateLimit-Max", str(rate))
            left = str(rate - len(window))
            self.send_header("X-HubSpot-RateLimit-Remaining", left)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def rendered(kind: str, count: int) -> list[tuple[bytes, bytes]]:
    """Make the pages of a type: as they are, and packed."""
    found = []
    for start in range(0, count, 100):
        page: dict[str, Any] = {
            "results": [record(kind, n) for n in range(start, start + 100)]
        }
        if start + 100 < count:
            page["paging"] = {"next": {"after": str(start + 100), "link": "https://x"}}
        body = json.dumps(page).encode()
        found.append((body, gzip.compress(body, 6)))
    return found


def record(kind: str, nth: int) -> dict[str, Any]:
    """Make a record as the object API shows it, associations twice each."""
    links = {}
    for other in ASSOCIATIONS[kind]:
        name = f"{kind}_to_{other}"
        key = str(nth // 3)
        links[other] = {
            "results": [
                {"id": key, "type": name},
                {"id": key, "type": f"{name}_unlabeled"},
            ]
        }
    return {
        "id": str(nth),
        "properties": {name: f"値 {nth} {name}" for name in PROPERTIES},
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-11-01T00:00:00.000Z",
        "archived": False,
        "associations": links,
    }


@contextmanager
def portal(count: int, *, delay: float = 0.0, rate: int = 10**9) -> Iterator[str]:
    """Run the server in a process of its own."""
    words = ["--serve", str(count), str(delay), str(rate)]
    command = [sys.executable, __file__, *words]
    # It is this file that runs.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


# The two ways to read


def ours(address: str, burst: int = 10**6) -> dict[str, float]:
    """Read all four types at once with the connector, as fast as it may."""
    from connectors.base import Pull
    from connectors.hubspot import open_hubspot

    rate = {"burst": burst}
    crm = open_hubspot({"base_url": address, "token": "t", "rate": rate})

    def pull(kind: str) -> int:
        links = [f"associations.{other}" for other in ASSOCIATIONS[kind]]
        request = Pull(object=kind, fields=("id", *PROPERTIES, *links))
        return sum(len(page.rows) for page in crm.pull(request))

    with ThreadPoolExecutor(len(ASSOCIATIONS)) as pool:
        rows = sum(pool.map(pull, ASSOCIATIONS))
    return {"rows": rows, "calls": crm.calls}


def plain(address: str) -> dict[str, float]:
    """Read them one after the other with the client's own models."""
    from hubspot import HubSpot

    client = HubSpot(access_token="t", host=address)
    apis = {
        "companies": client.crm.companies.basic_api,
        "contacts": client.crm.contacts.basic_api,
        "deals": client.crm.deals.basic_api,
        "tasks": client.crm.objects.tasks.basic_api,
    }
    rows = calls = 0
    for kind, api in apis.items():
        after = None
        while True:
            page = api.get_page(
                limit=100,
                after=after,
                properties=list(PROPERTIES),
                associations=list(ASSOCIATIONS[kind]),
            )
            calls += 1
            rows += len([{"id": each.id, **each.properties} for each in page.results])
            if page.paging is None:
                break
            after = page.paging.next.after
    return {"rows": rows, "calls": calls}


def run(way: str, address: str) -> dict[str, float]:
    """Measure a way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, address]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - this file
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(way: str, address: str) -> dict[str, float]:
    """Take the time of a way; ``limited`` is ours within HubSpot's limit."""
    ways: dict[str, Callable[[str], dict[str, float]]]
    ways = {"ours": ours, "plain": plain, "limited": partial(ours, burst=LIMIT)}
    begun, cpu = time.perf_counter(), time.process_time()
    found = ways[way](address)
    spent = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu}
    return {**found, **spent}


# Writing


def written(count: int) -> Counter[str]:
    """Change owners and create tasks as runs do; count the calls by what they are."""
    from tests.worlds.hubspot_thousands import hand_over

    with tempfile.TemporaryDirectory() as folder:
        return hand_over(Path(folder), count)


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--serve", nargs=3)
    parser.add_argument("--way", nargs=2)
    given = parser.parse_args()
    if given.serve:
        serve(int(given.serve[0]), float(given.serve[1]), int(given.serve[2]))
    elif given.way:
        print(json.dumps(measured(*given.way)))
    else:
        report(given.count)


def report(count: int) -> None:
    """Print what was measured."""
    with portal(count) as address:
        for way in ("ours", "plain"):
            best = min((run(way, address) for _ in range(3)), key=lambda r: r["cpu"])
            rows = best["rows"]
            print(
                f"{way:<6} {best['cpu'] / rows * 1e6:6.1f} µs CPU a row,"
                f" {best['calls'] / rows * 1000:5.2f} calls per 1,000 rows,"
                f" {best['wall']:5.1f} s for {rows:,.0f} rows"
            )
    with portal(count, delay=DELAY) as address:
        print(f"ours at 150 ms a call: {run('ours', address)['wall']:.1f} s")
    with portal(count, rate=LIMIT) as address:
        found = run("limited", address)
    refused = found["calls"] - len(ASSOCIATIONS) * count / 100
    print(f"ours at 190/10 s: {found['wall']:.1f} s, {refused:.0f} calls refused")
    calls = written(1000)
    print(", ".join(f"{number} {name}" for name, number in sorted(calls.items())))


if __name__ == "__main__":
    main()
