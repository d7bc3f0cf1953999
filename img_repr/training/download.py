"""Downloads, bounded in time and size, and checked before they are renamed to their target."""

import hashlib
import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from img_repr.core.atomic import atomic_file
from img_repr.core.errors import WeightsError

_MAX_PIECE = 1 << 20  # bytes read at once
_MAX_BYTES = 4 << 30  # the largest weights of torchvision have 2.6 GB
_MIN_RATE = 32 << 10  # bytes per second on average, after the timeout
_SCHEMES = ("http", "https")


def download(url: str, target: Path, sha256: str, *, timeout_s: float) -> None:
    """Download a file; on any error no file remains.

    Parameters
    ----------
    url : str
        http or https; redirects stay within them, and https stays https.
    target : Path
    sha256 : str
        Its first digits, or all of it.
    timeout_s : float
        Seconds that the server may take to answer, may send nothing, and may be slower than 32 KiB/s on average.

    Raises
    ------
    OSError, WeightsError
        If it fails, is too large or too slow, or has another checksum.
    """
    digest = hashlib.sha256()
    with atomic_file(target) as temporary:
        try:
            with _open(url, timeout_s) as answer, temporary.open("wb") as file:
                _copy(answer, file, digest, timeout_s)
        except (http.client.HTTPException, ValueError) as error:  # a redirect without an address, chunks without a size
            raise WeightsError(f"an invalid answer: {error or type(error).__name__}") from error
        if not digest.hexdigest().startswith(sha256):
            raise WeightsError(f"{temporary.stat().st_size} bytes with the sha256 {digest.hexdigest()[:12]}...")


def _open(url: str, timeout_s: float) -> Any:
    """Open a URL; the answer's complete header must arrive in time."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def request_url() -> None:
        request = urllib.request.Request(url, headers={"User-Agent": "img_repr"})
        try:
            answers.put(urllib.request.build_opener(_Redirects).open(request, timeout=timeout_s))
        except Exception as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            answers.put(error)

    threading.Thread(target=request_url, daemon=True).start()
    try:
        answer = answers.get(timeout=2 * timeout_s)
    except queue.Empty:
        raise WeightsError(f"no answer within {2 * timeout_s:g} s: timed out") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _copy(answer: Any, file: IO[bytes], digest: Any, timeout_s: float) -> None:
    if answer.length is not None and answer.length > _MAX_BYTES:
        raise WeightsError(f"{answer.length:,} bytes, more than {_MAX_BYTES:,}")
    done, begun = 0, time.monotonic()
    while piece := answer.read1(_MAX_PIECE):
        digest.update(piece)
        file.write(piece)
        done += len(piece)
        if done > _MAX_BYTES:
            raise WeightsError(f"more than {_MAX_BYTES:,} bytes")
        seconds = time.monotonic() - begun
        if seconds > timeout_s + done / _MIN_RATE:
            raise WeightsError(f"{done:,} bytes in {seconds:.0f} s, too slow: timed out")
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects within http and https; urllib also allows ftp, and limits their number."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        scheme = urlsplit(newurl).scheme
        if scheme not in _SCHEMES or (req.type == "https" and scheme != "https"):
            fp.close()
            raise WeightsError(f"a redirect to {newurl!r:.100}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
