"""The raw cache against a real local server that answers well, badly, slowly and not to the end."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.raw_cache import RawCache

GOOD = b"state,value\nAL,1\n"


class Handler(BaseHTTPRequestHandler):
    requests: list[str] = []

    def do_GET(self):
        self.requests.append(self.path)
        getattr(self, f"answer_{self.path.strip('/')}")()

    def send(self, status, body, content_type="text/csv", length=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def answer_good(self):
        self.send(200, GOOD)

    def answer_forbidden(self):
        self.send(403, b"<html>no</html>", "text/html")

    def answer_challenge(self):
        self.send(200, b"<html>are you human?</html>", "text/html")

    def answer_disguised(self):
        self.send(200, b"<html>are you human?</html>")

    def answer_broken(self):
        self.send(503, b"busy")

    def answer_flaky(self):
        if self.requests.count("/flaky") < 3:
            self.send(503, b"busy")
        else:
            self.send(200, GOOD)

    def answer_truncated(self):
        self.send(200, GOOD, length=100)

    def answer_slow(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        for byte in GOOD * 2:
            try:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            except (BrokenPipeError, ConnectionResetError):
                return
            time.sleep(0.02)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    Handler.requests = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def cache(tmp_path):
    return RawCache(tmp_path / "raw", attempts=3, backoff_seconds=0.01, timeout_seconds=(5, 0.3))


def refuse_pages(body):
    if body.startswith(b"<"):
        raise CalibrationError("a page and not a table")


def kept_files(cache):
    return sorted(path.name for path in cache.folder.rglob("*")) if cache.folder.exists() else []


def test_a_file_is_fetched_once_and_kept_with_its_record(server, cache):
    assert cache.fetch("a.csv", f"{server}/good", "text/csv") == GOOD
    assert cache.fetch("a.csv", f"{server}/good", "text/csv") == GOOD
    assert Handler.requests == ["/good"]
    record = json.loads((cache.folder / "a.csv.json").read_text())
    assert record["url"] == f"{server}/good"
    assert record["size"] == len(GOOD)
    assert record["fetched"].endswith("+00:00")
    assert kept_files(cache) == ["a.csv", "a.csv.json"]


def test_refresh_fetches_again_and_offline_never_asks(server, cache):
    cache.fetch("a.csv", f"{server}/good", "text/csv")
    RawCache(cache.folder, refresh=True).fetch("a.csv", f"{server}/good", "text/csv")
    assert Handler.requests == ["/good", "/good"]
    offline = RawCache(cache.folder, offline=True)
    assert offline.fetch("a.csv", f"{server}/good", "text/csv") == GOOD
    with pytest.raises(CalibrationError, match=r"b\.csv is not there and the cache is offline"):
        offline.fetch("b.csv", f"{server}/good", "text/csv")
    assert len(Handler.requests) == 2


def test_a_file_put_there_by_hand_is_checked_and_kept(cache):
    cache.folder.mkdir()
    (cache.folder / "a.csv").write_bytes(b"<html>")
    with pytest.raises(CalibrationError, match="a page and not a table"):
        cache.fetch("a.csv", "http://127.0.0.1:9/good", "text/csv", refuse_pages)
    assert kept_files(cache) == ["a.csv"]
    (cache.folder / "a.csv").write_bytes(GOOD)
    assert cache.fetch("a.csv", "http://127.0.0.1:9/good", "text/csv", refuse_pages) == GOOD
    assert json.loads((cache.folder / "a.csv.json").read_text())["content_type"] == "put there by hand"


def test_a_passing_failure_is_tried_again(server, cache):
    assert cache.fetch("a.csv", f"{server}/flaky", "text/csv") == GOOD
    assert Handler.requests == ["/flaky"] * 3


@pytest.mark.parametrize(
    ("page", "message", "attempts"),
    [
        ("forbidden", "status 403, expected 200", 1),
        ("challenge", "sends text/html, expected text/csv", 1),
        ("disguised", "a page and not a table", 1),
        ("broken", "failed 3 times .status 503", 3),
        ("truncated", "failed 3 times", 3),
        ("slow", "failed 3 times", 3),
    ],
)
def test_a_bad_answer_is_one_sentence_and_keeps_nothing(server, cache, page, message, attempts):
    with pytest.raises(CalibrationError, match=message):
        cache.fetch("a.csv", f"{server}/{page}", "text/csv", refuse_pages)
    assert kept_files(cache) == []
    assert len(Handler.requests) == attempts


def test_a_failed_refresh_leaves_the_kept_file(server, cache):
    cache.fetch("a.csv", f"{server}/good", "text/csv")
    with pytest.raises(CalibrationError, match="status 403"):
        RawCache(cache.folder, refresh=True).fetch("a.csv", f"{server}/forbidden", "text/csv")
    assert cache.read("a.csv") == GOOD


def test_a_server_that_is_not_there(cache):
    """The sentence says what failed, without the layers of the client, and where a file fetched elsewhere belongs."""
    with pytest.raises(CalibrationError, match=r"failed 3 times \(.*refused\), .* save it as .*/raw/a\.csv$") as raised:
        cache.fetch("a.csv", "http://127.0.0.1:9/good", "text/csv")
    assert "Pool" not in str(raised.value)


@pytest.mark.parametrize("name", ["../a.csv", "/etc/passwd", "a/../../b.csv", "", "."])
def test_names_cannot_leave_the_folder(cache, name):
    with pytest.raises(CalibrationError, match="leaves"):
        cache.path(name)


def test_changed_bytes_are_noticed(server, cache):
    cache.fetch("a.csv", f"{server}/good", "text/csv")
    (cache.folder / "a.csv").write_bytes(b"other")
    with pytest.raises(CalibrationError, match=r"it was fetched as .* delete its record a\.csv\.json alone"):
        cache.read("a.csv")
