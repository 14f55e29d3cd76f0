# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""receiver.py PORT FILE: takes what Alertmanager posts, and writes a line for each alert of it."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[2], "a", encoding="utf-8") as file:
            for alert in told["alerts"]:
                labels = alert["labels"]
                words = [told["receiver"], alert["status"], labels["application"], labels["alertname"]]
                file.write(json.dumps({"words": " ".join(words), "path": self.path, **alert}) + "\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_words):
        # An address can hold a secret.
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
