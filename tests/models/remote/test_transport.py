"""What the environment says of proxies and certificates is read before anything is asked."""

from __future__ import annotations

import pytest

from velm_bench.errors import UsageError
from velm_bench.models import open_model


@pytest.mark.parametrize("proxy", ["foo://user:password@host", "http://host:port"])
def test_a_proxy_that_cannot_be_is_one_sentence_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError, match="The proxy that the environment names") as refused:
        open_model("openai:m@http://10.0.0.1:9/v1").load()
    assert "password" not in str(refused.value)


def test_certificates_that_are_not_there_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        open_model("openai:m@https://10.0.0.1:9/v1").load()
