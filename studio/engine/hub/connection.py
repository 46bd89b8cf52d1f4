"""The connection to the Hub: huggingface_hub's own, but one that gives up on a server which says nothing, and soon
where there is no network at all."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies


def connect() -> None:
    """Let every request wait for an answer as long as HF_HUB_DOWNLOAD_TIMEOUT says (10 seconds), and no longer."""
    from huggingface_hub import constants, set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    def client() -> Any:
        made = default_client_factory()
        made.timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        return made

    set_client_factory(client)


def reach() -> None:
    """Raise ConnectionError when nobody listens: the libraries would try again for half a minute."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
    if getproxies() or not address.hostname:
        return  # then others connect for us
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname, port), constants.HF_HUB_DOWNLOAD_TIMEOUT).close()
    except OSError as error:
        raise ConnectionError(f"{address.hostname}:{port}: {error}") from error
