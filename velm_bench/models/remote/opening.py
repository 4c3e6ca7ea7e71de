"""`openai:MODEL@URL`."""

from __future__ import annotations

from importlib.util import find_spec

from velm_bench.errors import UnavailableError, UsageError
from velm_bench.models.base import Setup
from velm_bench.models.remote.address import parse_address
from velm_bench.models.remote.keys import read_key
from velm_bench.models.remote.model import Remote
from velm_bench.models.remote.options import RemoteOptions


def open_remote(rest: str, setup: Setup) -> Remote:
    """A model on a server; UsageError for a reference, an option or a key that cannot be, and for device and dtype,
    which are the server's affair. UnavailableError where the HTTP client is not installed.
    """
    if find_spec("httpx2") is None:
        raise UnavailableError("Models on servers need the package httpx2: pip install 'velm-bench[remote]'.")
    address = parse_address(rest)
    options = setup.parsed(RemoteOptions, address.reference)
    for flag, value in (("--device", setup.device), ("--dtype", setup.dtype)):
        if value != "auto":
            raise UsageError(f"{flag} {value} means nothing to '{address.reference}': its server decides that.")
    return Remote(address, options, read_key(options.key_env), setup)
