"""Downloads: bounded in time and size, checked before they take their place, and with one family of errors."""

import hashlib
import http.client
import queue
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from img_repr.core.errors import WeightsError

_PIECE = 1 << 20  # bytes at once, at most
_MOST_BYTES = 4 << 30  # the largest weights of torchvision have 2.6 GB
_SLOWEST = 32 << 10  # bytes per second on average, after a first while
_SCHEMES = ("http", "https")


def download(url: str, target: Path, sha256: str, *, patience_s: float) -> None:
    """Download a file; it takes its place when all of it is there and is what is expected, else nothing is left.

    Parameters
    ----------
    url : str
        Of http or https; redirects stay in these, and https stays https.
    target : Path
    sha256 : str
        Its first digits, or all.
    patience_s : float
        Seconds that the server may take to answer, may be silent, and may be slower than 32 KiB/s on average.

    Raises
    ------
    OSError, WeightsError
        If it cannot be had, is too large, too slow, or something else than expected.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}-", dir=target.parent) as folder:
        temporary, digest = Path(folder, "file"), hashlib.sha256()
        try:
            with _open(url, patience_s) as answer, temporary.open("wb") as file:
                _copy(answer, file, digest, patience_s)
        except (http.client.HTTPException, ValueError) as error:  # a redirect to no address, chunks of no size
            raise WeightsError(f"an answer that is no download: {error or type(error).__name__}") from error
        if not digest.hexdigest().startswith(sha256):
            raise WeightsError(f"{temporary.stat().st_size} bytes with the sha256 {digest.hexdigest()[:12]}...")
        temporary.replace(target)


def _open(url: str, patience_s: float) -> Any:
    """Open a URL; the whole of the answer's head must come in time, not only a byte of it now and then."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        request = urllib.request.Request(url, headers={"User-Agent": "img_repr"})
        try:
            answers.put(urllib.request.build_opener(_Redirects).open(request, timeout=patience_s))
        except Exception as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=2 * patience_s)
    except queue.Empty:
        raise WeightsError(f"no answer within {2 * patience_s:g} s: timed out") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _copy(answer: Any, file: IO[bytes], digest: Any, patience_s: float) -> None:
    if answer.length is not None and answer.length > _MOST_BYTES:
        raise WeightsError(f"{answer.length:,} bytes, more than {_MOST_BYTES:,}")
    done, begun = 0, time.monotonic()
    while piece := answer.read1(_PIECE):
        digest.update(piece)
        file.write(piece)
        done += len(piece)
        if done > _MOST_BYTES:
            raise WeightsError(f"more than {_MOST_BYTES:,} bytes")
        seconds = time.monotonic() - begun
        if seconds > patience_s + done / _SLOWEST:
            raise WeightsError(f"{done:,} bytes in {seconds:.0f} s, too slow to wait for: timed out")
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects within http and https; urllib allows ftp too, and counts them."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        scheme = urlsplit(newurl).scheme
        if scheme not in _SCHEMES or (req.type == "https" and scheme != "https"):
            fp.close()
            raise WeightsError(f"a redirect to {newurl!r:.100}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
