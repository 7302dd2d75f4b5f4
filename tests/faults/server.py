"""An official address of a data set, a slow one, on this machine."""

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import yaml
from conftest import ROOT, idx_bytes

DATASET = "config/datasets/fashion-mnist.yaml"
COUNTS = {"train": 30, "test": 20}
PIECES, PAUSE = 8, 0.05


@contextmanager
def slow_server() -> Iterator[dict]:
    """Changes to the file of Fashion-MNIST: a few images in its place, which come in pieces."""
    files = yaml.safe_load((ROOT / DATASET).read_text())["source"]["files"]
    rng = np.random.default_rng(0)
    served = {}
    for split, n in COUNTS.items():
        arrays = {"images": rng.integers(0, 256, (n, 28, 28)), "labels": np.arange(n) % 10}
        for role, array in arrays.items():
            file, payload = files[f"{split}_{role}"], idx_bytes(array)
            file["sha256"] = hashlib.sha256(payload).hexdigest()
            served[f"/{file['name']}"] = gzip.compress(payload, mtime=0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses = [f"http://127.0.0.1:{server.server_port}"]
    try:
        yield {"source": {"files": files, "addresses": addresses}, "sizes": COUNTS}
    finally:
        server.shutdown()
        server.server_close()


def _handler(served: dict[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = served[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            size = -(-len(body) // PIECES)
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                time.sleep(PAUSE)

        def handle(self):
            with suppress(ConnectionError):
                super().handle()

        def log_message(self, *_):
            pass

    return Handler
