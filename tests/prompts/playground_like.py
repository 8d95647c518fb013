"""A server that answers as the Playground's door does, and fails when told to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT: dict[str, Any] = {
    "team": "hiring", "name": "outreach", "kind": "chat", "version": 1, "label": "production",
    "arm": None, "reason": "label production", "messages": [{"role": "user", "template": "Hi"}],
    "inputs": {}, "settings": {}, "tools": [], "response_format": None, "composed_from": [],
    "content_hash": "abc",
}  # fmt: skip


class Server:
    """One prompt behind a real socket.

    Attributes:
        status: what it answers; 200 answers the prompt, or 304 to those who know it.
        cut: close each connection after its answer without saying so.
        hold: requests wait until it is set.
        asked: what came, as ``(method, path, headers)``.
    """

    def __init__(self) -> None:
        self.version = 1
        self.status = 200
        self.raw: bytes | None = None
        self.cut = False
        self.hold = threading.Event()
        self.hold.set()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[dict[str, Any]] = []
        self.connections = 0
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_GET

        self._http = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._http.daemon_threads = True
        self._port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections; those that are open end after their next answer."""
        self.cut = True
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append((handler.command, handler.path, dict(handler.headers)))
        if body:
            self.bodies.append(json.loads(body))
        self.hold.wait(10)
        tag = f'"{self.version}"'
        status = self.status
        if status == 200 and handler.headers.get("If-None-Match") == tag:
            status = 304
        content = b"" if status == 304 else self._content(status, handler.command)
        handler.send_response(status)
        handler.send_header("ETag", tag)
        if status != 304:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        handler.wfile.flush()
        handler.close_connection = self.cut

    def _content(self, status: int, method: str) -> bytes:
        if self.raw is not None:
            return self.raw
        if status != 200:
            return json.dumps({"error": {"code": f"because.{status}", "message": "No."}}).encode()
        told = PROMPT | {"version": self.version}
        if method == "POST":
            told["messages"] = [{"role": "user", "content": "Hi"}]
        return json.dumps(told | {"newer": "than this client"}).encode()
