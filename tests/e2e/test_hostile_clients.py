"""Clients that are slow, many or wrong: each is refused or waits alone, and nobody else waits for it."""

import concurrent.futures
import contextlib
import http.server
import json
import resource
import socket
import threading
import time

import pytest

import support

PROMPT = 10.0  # seconds for an answer; a server that waited for the others would need a minute, one on a quiet machine milliseconds
UPLOAD = "POST /apis/v2beta1/pipelines/upload?name=x HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
AWS_FORM = "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
OBJECT = "PUT /no-such-bucket/key HTTP/1.1\r\n"


@pytest.fixture(scope="module", autouse=True)
def many_descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_000, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def connect(server, text=""):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(text.replace("HTTP/1.1\r\n", f"HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n", 1).encode("latin1"))
    return connection


def receive(connection):
    """All that comes until the server closes."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            answer += part
    connection.close()
    return answer


def status(answer):
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else None


def ask(server, path="/apis/v2beta1/healthz", head=""):
    start = time.monotonic()
    answer = receive(connect(server, f"GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n"))
    return status(answer), time.monotonic() - start


def assert_prompt(server):
    code, seconds = ask(server)
    assert code == 200 and seconds < PROMPT, f"{code} after {seconds:.2f} s"


@contextlib.contextmanager
def kept(connections):
    connections = list(connections)
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


BROKEN_BODIES = {
    "a trailer of 64 KiB": "0\r\nX: " + "y" * 65_536 + "\r\n\r\n",
    "a trailer just below": "0\r\nX: " + "y" * 65_000 + "\r\n\r\n",
    "a thousand trailers": "0\r\n" + "X: y\r\n" * 1_000 + "\r\n",
    "a trailer without a name": "0\r\n: y\r\n\r\n",
    "a trailer with a blank in its name": "0\r\nX y: z\r\n\r\n",
    "an extension of 100 kB": "1;" + "a" * 100_000 + "\r\nx\r\n0\r\n\r\n",
    "a size of 2^64 - 1": "FFFFFFFFFFFFFFFF\r\nab",
    "a size beyond 2^64": "10000000000000014\r\nab",
    "a size in another base": "0x14\r\nab",
    "a blank before the size": " 1\r\nx\r\n0\r\n\r\n",
    "a bare line feed": "1\nx\n0\n\n",
    "no line end behind a chunk": "1\r\nxyy0\r\n\r\n",
}
HEADS = {
    "KFP": "POST /apis/v2beta1/experiments HTTP/1.1\r\n",
    "KFP, upload": UPLOAD,
    "S3, unsigned": OBJECT,
    "AWS, form": AWS_FORM,
    "console": "GET / HTTP/1.1\r\n",
    "credentials": "GET /v2/credentials/00 HTTP/1.1\r\n",
}


@pytest.mark.parametrize("head", HEADS)
def test_broken_chunks_are_refused_by_every_api(server, head):
    for name, body in BROKEN_BODIES.items():
        code = status(receive(connect(server, f"{HEADS[head]}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{body}")))
        # An unsigned upload is refused for that, before its body is looked at.
        assert code in ((400,) if head != "S3, unsigned" else (400, 403, 404)), f"{name}: {code}"
    assert_prompt(server)


def test_many_header_fields_are_refused(server):
    fields = "".join(f"X{i}: \r\n" for i in range(5_000))
    assert status(receive(connect(server, f"GET /apis/v2beta1/healthz HTTP/1.1\r\n{fields}\r\n"))) == 431


@pytest.mark.parametrize("head", [UPLOAD, AWS_FORM, OBJECT, "POST /apis/v2beta1/runs HTTP/1.1\r\n"])
@pytest.mark.parametrize(
    "framing",
    ["Content-Length: 200000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n30d40\r\n", "Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n"],
)
def test_stalled_uploads_hold_up_nobody(server, head, framing):
    with kept(connect(server, head + framing + "--x\r\n") for _ in range(40)):
        assert_prompt(server)


def test_a_thousand_half_sent_bodies_and_five_hundred_idle_connections(tmp_path):
    with support.running(tmp_path / "data") as server:
        part = "x" * 70_000
        with kept(connect(server) for _ in range(500)), kept(
            connect(server, (UPLOAD if i % 2 else AWS_FORM) + "Content-Length: 200000\r\n\r\n" + part) for i in range(1_000)
        ):
            for _ in range(5):
                assert_prompt(server)
            start = time.monotonic()
            server.client("sts").get_caller_identity()
            code, text = server.request("/apis/v2beta1/experiments", {"display_name": "others are served"})
            assert code == 200, text
            assert time.monotonic() - start < 5
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 10


def test_a_stop_waits_for_no_client(tmp_path):
    with support.running(tmp_path / "data") as server:
        begun = ["GET / HTTP/1.1\r\nX: ", UPLOAD + "Content-Length: 200000\r\n\r\n--x", OBJECT + "Content-Length: 200000\r\n\r\nab",
                 "GET /console/api/events HTTP/1.1\r\n\r\n"]
        with kept(connect(server, begun[i % len(begun)]) for i in range(80)):
            assert_prompt(server)
            start = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - start < 10


def test_event_streams_leave_requests_their_share(server):
    with kept(connect(server, "GET /console/api/events HTTP/1.1\r\n\r\n") for _ in range(600)):
        assert_prompt(server)


@pytest.mark.parametrize("descriptors", [64, 1_024])
def test_few_descriptors_are_shared_between_connections_and_work(tmp_path, descriptors):
    support.need("prlimit")
    with support.running(tmp_path / "data", prefix=["prlimit", f"--nofile={descriptors}:{descriptors}"]) as server:
        with kept(connect(server) for _ in range(descriptors + 100)):
            assert_prompt(server)
            code, text = server.request("/apis/v2beta1/runs", {"display_name": "r", "pipeline_spec": shell_pipeline("ulimit -n")})
            assert code == 200, text
            run = json.loads(text)["run_id"]
            assert support.wait_for_run(server, run)["state"] == "SUCCEEDED"


def shell_pipeline(script):
    return {
        "pipelineInfo": {"name": "p"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.7.0",
        "components": {"comp": {"executorLabel": "e"}},
        "deploymentSpec": {"executors": {"e": {"container": {"image": "i", "command": ["sh", "-c", script]}}}},
        "root": {"dag": {"tasks": {"t": {"componentRef": {"name": "comp"}, "taskInfo": {"name": "t"}, "cachingOptions": {}}}}},
    }


def test_a_child_has_a_limit_of_its_own(tmp_path):
    support.need("prlimit")
    with support.running(tmp_path / "data", prefix=["prlimit", "--nofile=700:5000"]) as server:
        code, text = server.request("/apis/v2beta1/runs", {"display_name": "r", "pipeline_spec": shell_pipeline("ulimit -Sn")})
        assert code == 200, text
        run = json.loads(text)["run_id"]
        support.wait_for_run(server, run)
        assert "4096" in server.request(f"/console/api/runs/{run}/tasks/root%2Ft/log")[1]
        with open(f"/proc/{server.process.pid}/limits") as limits:
            files = next(line for line in limits if "open files" in line)
        assert files.split()[3:5] == ["5000", "5000"]


class Silent(http.server.BaseHTTPRequestHandler):
    """Sends a byte a second, for as long as the test lasts."""

    over = threading.Event()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.over.wait(1):
                self.wfile.write(b"a")
                self.wfile.flush()


def test_slow_urls_hold_up_nobody(tmp_path):
    with support.running(tmp_path / "data") as server:
        peer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
        threading.Thread(target=peer.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{peer.server_port}/p.json"

        def create(i):
            body = {"pipeline": {"display_name": f"p{i}"}, "pipeline_version": {"package_url": {"pipeline_url": url}}}
            with contextlib.suppress(OSError):
                return server.request("/apis/v2beta1/pipelines/create", body)[0]
            return None

        with concurrent.futures.ThreadPoolExecutor(60) as pool:
            answers = [pool.submit(create, i) for i in range(60)]
            time.sleep(1)
            assert_prompt(server)
            start = time.monotonic()
            server.stop()
            assert time.monotonic() - start < 10
            Silent.over.set()
            codes = [answer.result() for answer in answers]
        assert 503 in codes and 200 not in codes, codes
        peer.shutdown()


@pytest.mark.parametrize(
    "host, own",
    [("localhost", True), ("LOCALHOST", True), ("localhost.", True), ("[::1]:80", True), ("evil.localhost", True), ("127.0.0.1", True),
     ("127.1.2.3:99", True), ("evil.example", False), ("127.evil.example", False), ("127.0.0.1.evil.example", False),
     ("localhost.evil.example", False), ("127.0.0.1@evil.example", False), ("[::1].evil.example", False), ("[127.0.0.1", False),
     ("", False), ("::1", False), ("localhost:", False)],
)
def test_the_host_is_this_machine_as_a_whole(server, host, own):
    for path in ("/apis/v2beta1/pipelines", "/console/api/overview", "/"):
        answer = receive(connect(server, f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n"))
        assert (status(answer) == 200) == own, f"{path}: {answer[:80]}"


def test_pages_of_other_origins_change_nothing(server):
    own = f"127.0.0.1:{server.port}"
    body = json.dumps({"display_name": "from a page"}).encode()
    for headers, allowed in [
        ({}, True),
        ({"Origin": f"http://{own}"}, True),
        ({"Origin": f"http://{own}", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),
        ({"Origin": f"https://{own}"}, False),
        ({"Origin": f"http://{own}.evil.example"}, False),
        ({"Origin": f"http://evil.example/?://{own}"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
    ]:
        headers = {"Content-Type": "text/plain", **headers}
        code, text = server.request("/apis/v2beta1/experiments", body.replace(b"page", str(len(str(headers))).encode()), "POST", headers.items())
        assert (code != 403) == allowed, f"{headers}: {code} {text}"


def test_what_others_wrote_is_no_page_of_this_origin(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="pages")
    s3.put_object(Bucket="pages", Key="x.html", Body=b"<script>1</script>", ContentType="text/html")
    got = s3.get_object(Bucket="pages", Key="x.html")["ResponseMetadata"]["HTTPHeaders"]
    assert got["content-security-policy"] == "sandbox" and got["x-content-type-options"] == "nosniff"
    for path in ("/", "/apis/v2beta1/runs", "/apis/v2beta1/nothing", "/console/api/overview", "/no-such-bucket/x", "/assets/none"):
        answer = receive(connect(server, f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n")).lower()
        assert b"\r\nx-content-type-options: nosniff\r\n" in answer and b"\r\ncontent-security-policy: " in answer, path
