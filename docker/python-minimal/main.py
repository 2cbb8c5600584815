"""Answers with what a program finds in a minimal image: time zones, certificates, its own user."""

import http.server
import os
import ssl
import zoneinfo
from datetime import datetime


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        summer = datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Vienna"))
        body = f"Hello from {os.getuid()}, {summer:%z}, {ssl.OPENSSL_VERSION.split()[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
