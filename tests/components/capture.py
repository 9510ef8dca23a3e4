"""A server that answers AWS's calls from a script and notes what was asked, in the order of the calls."""

import http.server
import json
import re
import threading
import urllib.parse

ACCOUNT = "123456789012"
NOT_SCRIPTED = [400, {"__type": "ValidationException", "message": "not scripted"}]
_GENERATED = re.compile(r"(?<![A-Za-z])([A-Za-z]*[A-Z][A-Za-z]*-?)\d{14}-[A-Z0-9]{4}")  # by their word: all four may be digits
_TRANSITION = re.compile(r"'lastTransitionTime': '[^']*'")
_GENERATED_LOWER = re.compile(r"\d{14}-[a-z0-9]{4}")


def without_chance(value):
    """The value with what differs from one run to the next put in one form: times and random letters of names."""
    if isinstance(value, str):
        value = _GENERATED_LOWER.sub("TIME-rand", _GENERATED.sub(r"\1TIME-RAND", value))
        return _TRANSITION.sub("'lastTransitionTime': 'TIME'", value)
    if isinstance(value, list):
        return [without_chance(v) for v in value]
    if isinstance(value, dict):
        named = {without_chance(k): without_chance(v) for k, v in value.items()}
        return {k: "TOKEN" if k == "clientRequestToken" else v for k, v in named.items()}
    return value


class Capture:
    """`answers`: operation → list of [status, body]; the last of a list goes on for ever. Those of
    "DescribeX after UpdateX" replace those of DescribeX once UpdateX was called. `after`: the number of a call
    (from 1) → what is called once it has been answered."""

    def __init__(self, answers, after=None):
        self.answers = {operation: list(given) for operation, given in answers.items()}
        self.calls, self.agents, self.after = [], set(), after or {}
        self.on_call = lambda call: None  # before a call is answered
        self._lock = threading.Lock()
        capture = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = capture.answer(self.command, self.path, self.headers, body)
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/xml" if isinstance(answer, str) else "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
                self.wfile.flush()
                capture.answered()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, headers, body):
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", headers.get("Authorization", ""))
        service = scope[2] if scope else "unsigned"
        target = headers.get("X-Amz-Target")
        if target:
            operation, noted = target.split(".")[-1], json.loads(body or b"{}")
        elif service == "sts":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            operation, noted = form.pop("Action"), form
            form.pop("RoleSessionName", None)
        elif service == "s3":
            operation, noted = f"{method} {without_chance(urllib.parse.unquote(path))}", None
        else:
            operation, noted = f"{method} {path}", json.loads(body or b"{}")
        call = {"service": service, "operation": operation, "body": without_chance(noted)}
        if scope and scope[1] != "us-east-1":
            call["region"] = scope[1]
        with self._lock:
            self.calls.append(call)
            if service in ("sagemaker", "robomaker"):
                self.agents.add(headers.get("User-Agent", ""))
            self.on_call(call)
            given = self.answers.get(operation) or [NOT_SCRIPTED]
            answer = given.pop(0) if len(given) > 1 else given[0]
            later = f" after {operation}"
            for key in [key for key in self.answers if key.endswith(later)]:
                self.answers[key.removesuffix(later)] = self.answers.pop(key)
            return answer

    def answered(self):
        with self._lock:
            then = self.after.pop(len(self.calls), None)
        if then:
            then()
