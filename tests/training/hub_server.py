"""A local server with the part of the Hub's interface that huggingface_hub needs to push and pull a model."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Handler(BaseHTTPRequestHandler):
    files: dict[str, bytes]
    asked: list[str]

    def log_message(self, *_):
        pass

    def reply(self, value, status=200, headers=()):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        self.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/repos/create"):
            self.reply({"url": "https://huggingface.co/me/mine", "name": "me/mine"})
        elif "/preupload/" in self.path:
            wanted = json.loads(body)["files"]
            self.reply(
                {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in wanted]}
            )
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            address = f"https://huggingface.co/me/mine/commit/{COMMIT}"
            self.reply({"commitUrl": address, "commitOid": COMMIT, "success": True})
        elif self.path.endswith("/validate-yaml"):
            self.reply({"errors": [], "warnings": []})
        else:
            self.reply({"error": "not found"}, 404)

    def do_GET(self):
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/me/mine/revision/") or path == "/api/models/me/mine":
            siblings = [{"rfilename": name} for name in self.files]
            self.reply({"id": "me/mine", "sha": COMMIT, "siblings": siblings, "private": False, "tags": [],
                        "downloads": 0, "likes": 0})  # fmt: skip
        elif path.startswith("/api/models/me/mine/tree/"):
            self.reply([{"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                        for name, content in self.files.items()])  # fmt: skip
        elif path.startswith("/me/mine/resolve/") and path.split("/", 5)[5] in self.files:
            content = self.files[path.split("/", 5)[5]]
            etag = hashlib.sha1(content).hexdigest()
            self.reply(content, headers=(("ETag", f'"{etag}"'), ("X-Repo-Commit", COMMIT)))
        else:
            self.reply({"error": "Repository not found"}, 404, (("X-Error-Code", "RepoNotFound"),))

    do_HEAD = do_GET  # noqa: N815


@contextmanager
def local_hub():
    """Serve an empty hub; yields its address, its files by path, and the paths that were asked for."""
    kind = type("OwnHandler", (Handler,), {"files": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", kind.files, kind.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
