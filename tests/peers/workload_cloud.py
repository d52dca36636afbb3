#!/usr/bin/env python3
"""tests/peers/workload_cloud.py PORT DOCUMENTS ISSUER SEEN: a cloud that takes jobs' tokens, checked by PyJWT.

GET /.well-known/... gives the files of the folder DOCUMENTS, as a web server in front of a daemon would. POST /AUDIENCE with a token as its body
looks up ISSUER's discovery document, takes the keys from where that says, and checks signature, issuer, audience and times. It answers 200 or 403, and
appends the claims, or why not, to the file SEEN as a line of JSON; the token itself to SEEN.tokens."""
import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

PORT, DOCUMENTS, ISSUER, SEEN = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


def check(token, audience):
    with urllib.request.urlopen(ISSUER + "/.well-known/openid-configuration", timeout=10) as answer:
        discovery = json.load(answer)
    assert discovery["issuer"] == ISSUER, discovery
    key = jwt.PyJWKClient(discovery["jwks_uri"], cache_keys=False).get_signing_key_from_jwt(token)
    return jwt.decode(
        token,
        key,
        algorithms=discovery["id_token_signing_alg_values_supported"],
        audience=audience,
        issuer=ISSUER,
        options={"require": ["exp", "iat", "nbf", "sub", "aud", "iss", "jti"]},
    )


class Cloud(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = {"/.well-known/openid-configuration": "discovery", "/.well-known/jwks.json": "keys"}.get(self.path)
        try:
            with open(os.path.join(DOCUMENTS, name or "none"), "rb") as f:
                self.reply(200, f.read())
        except OSError:
            self.reply(404, b"{}")

    def do_POST(self):
        token = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        audience = self.path[1:]
        try:
            said, status = {"asked": audience, **check(token, audience)}, 200
        except (jwt.PyJWTError, AssertionError, OSError) as why:
            said, status = {"asked": audience, "refused": type(why).__name__ + ": " + str(why)}, 403
        with open(SEEN + ".tokens", "a", encoding="utf-8") as f:
            f.write(token + "\n")
        with open(SEEN, "a", encoding="utf-8") as f:
            f.write(json.dumps(said, sort_keys=True) + "\n")
        self.reply(status, b"{}")


ThreadingHTTPServer(("127.0.0.1", PORT), Cloud).serve_forever()
