"""The model hub: weights from its cache on this machine, or from the hub itself where it answers within seconds.

The download may then take as long as it needs.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

from reid.errors import WeightsError
from reid.network import can_connect

ONLINE_TIMEOUT_S = 2.0
_FIRST_ANSWER_TIMEOUT_S = 4.0  # from looking whether it is there; the client has requests of its own to make
_HUB_FILE = "model.safetensors"
_LOG = logging.getLogger(__name__)


class NotOnHubError(WeightsError):
    """Published weights cannot be had from the hub; the text says why, in few words."""


class Hub:
    """The model hub, as long as it answers: after the first request that fails no other is made."""

    def __init__(self) -> None:
        self._gone: str | None = None

    def weights(self, repository: str) -> Path:
        """Return the file of a repository's weights: cached, or downloaded now.

        Args:
            repository: its name on the hub, such as "timm/resnet50.a1_in1k".

        Raises:
            NotOnHubError: there are none, or the hub is not to be had.
        """
        from huggingface_hub import try_to_load_from_cache

        # Not by hf_hub_download(local_files_only=True): to name its user agent, that makes a request even so.
        path = try_to_load_from_cache(repository, _HUB_FILE)
        return Path(path if isinstance(path, str) else self._download(repository))

    def _download(self, repository: str) -> str:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

        began_s = time.monotonic()
        if self._gone is None and not hub_is_online():
            self._gone = "the hub cannot be reached"
        if self._gone is not None:
            raise NotOnHubError(self._gone)
        url = hf_hub_url(repository, _HUB_FILE)
        try:
            # The client's download repeats a failed first request for minutes. A look at the file's headers, not
            # repeated, shows beforehand whether the hub works; from then on the client may take its time.
            left_s = _FIRST_ANSWER_TIMEOUT_S - (time.monotonic() - began_s)
            _within(lambda: get_hf_file_metadata(url, timeout=ONLINE_TIMEOUT_S), left_s)
        except (EntryNotFoundError, RepositoryNotFoundError):
            raise NotOnHubError("the hub has none") from None
        except Exception as error:  # the client lets its HTTP library's errors through, and changes that library
            raise self._given_up(repository, error) from None
        try:
            return hf_hub_download(repository, _HUB_FILE, etag_timeout=ONLINE_TIMEOUT_S)
        except Exception as error:
            raise self._given_up(repository, error) from None

    def _given_up(self, repository: str, error: Exception) -> NotOnHubError:
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        _LOG.warning("start weights: %s did not arrive from the hub: %s", repository, reason)
        _LOG.debug("start weights: where it failed", exc_info=error)
        self._gone = "the hub failed"
        return NotOnHubError(self._gone)


def hub_is_online(timeout_s: float = ONLINE_TIMEOUT_S) -> bool:
    """Say whether the model hub's host, or the proxy in front of it, takes a connection.

    Args:
        timeout_s: the longest this may take, looking up the name included.
    """
    from huggingface_hub import constants

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    endpoint = urlparse(constants.ENDPOINT)
    host, proxies = endpoint.hostname or "", urllib.request.getproxies()
    proxy = None if urllib.request.proxy_bypass(host) else proxies.get(endpoint.scheme) or proxies.get("all")
    asked = urlparse(proxy) if proxy else endpoint
    if not asked.hostname:
        return False
    return can_connect(asked.hostname, asked.port or (80 if asked.scheme == "http" else 443), timeout_s)


def _within(request: Callable[[], object], timeout_s: float) -> None:
    """Make a request that must be answered in time; one that is not is left behind in its thread.

    An HTTP client's own time-out holds for each read, so an answer that trickles in would escape it.

    Args:
        request: raises if it fails.
        timeout_s: the longest this may take.

    Raises:
        TimeoutError: there is no answer yet.
    """
    outcome: list[Exception | None] = []

    def run() -> None:
        try:
            request()
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not outcome:
        raise TimeoutError(f"no answer within {timeout_s:.1f} s")
    if outcome[0] is not None:
        raise outcome[0]
