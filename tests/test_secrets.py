"""A private address is used, and stands nowhere: outputs and logs are shown around."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_runner import ROOT

SAMPLE = (ROOT / "data/sample/letter.wav").read_bytes()
DOWNLOADS = (  # the stage that handles addresses, on the real runner
    "import sys; from pipeline import cli; from pipeline.flow import FLOW; "
    "sys.exit(cli.main(sys.argv[1:], FLOW[:2]))"
)


class Private(http.server.BaseHTTPRequestHandler):
    """Gives a recording to those who know the token."""

    def do_GET(self) -> None:
        knows = "token=s3cr3t" in self.path
        self.send_response(200 if knows else 403)
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Content-Length", str(len(SAMPLE) if knows else 0))
        self.end_headers()
        if knows:
            self.wfile.write(SAMPLE)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Private)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}/talk.wav"
    server.shutdown()


def run(*words: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOADS, *map(str, words), "--min-free-gb", "0", "--verbose"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def check_secret(out: Path, said: str) -> None:
    texts = {"what was said": said}
    texts |= {str(p): p.read_text(errors="replace") for p in out.rglob("*") if p.is_file()}
    for name, text in texts.items():
        for secret in ("hunter2", "s3cr3t", "n0t-it"):
            assert secret not in text, name


def test_secrets_of_an_address_are_used_and_stand_nowhere(tmp_path, address):
    out = tmp_path / "out"
    code, said = run(f"http://me:hunter2@{address}?token=s3cr3t&id=7", "--output", out)

    assert code == 0, said
    assert f"http://{address}?id=7" in said
    check_secret(out, said)
    code, said = run("--resume", "--output", out)
    assert (code, "Nothing to do" in said) == (0, True), said


def test_an_address_whose_secret_is_gone_is_asked_for_and_then_known_again(tmp_path, address):
    """It failed; a resume without inputs has no secrets; given again, it is the same recording."""
    out = tmp_path / "out"
    code, said = run(f"http://{address}?token=n0t-it", "--output", out)
    assert code != 0
    check_secret(out, said)

    code, said = run("--resume", "--output", out)
    assert code != 0
    assert "secrets are not stored: give the address again, with its user or token" in said

    code, said = run(f"http://{address}?token=s3cr3t", "--resume", "--output", out)
    assert code == 0, said
    assert "Recordings: 1 unchanged\n" in said
    check_secret(out, said)
