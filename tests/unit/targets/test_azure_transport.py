"""The transport over real sockets: connections are kept, and what was sent is known exactly."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme
from azure.core.exceptions import (
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.rest import HttpRequest

from retrainctl.model.values import Secret
from retrainctl.targets.azure.proxies import Proxy, ProxyRules
from retrainctl.targets.azure.transport import LightTransport, NotTrusted, ProxyFailed

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Accepts connections on loopback; `serve` gets (socket, number of the connection) and answers as it likes."""

    def __init__(self, serve: Callable[[socket.socket, int], None], tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.received: list[bytes] = []
        self._serve = serve
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._one, args=(connection, self.connections), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _one(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with stream:
                self._serve(stream, number)

    def read(self, stream: socket.socket) -> bytes:
        """One request, head and body; empty when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = stream.recv(65536)
            if not part:
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(v) for n, _, v in (h.partition(b":") for h in head.split(b"\r\n")) if n.lower() == b"content-length"),
            0,
        )
        while len(body) < length:
            body += stream.recv(65536)
        self.received.append(head + b"\r\n\r\n" + body)
        return self.received[-1]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        for thread in self._threads:
            thread.join(5)


@contextlib.contextmanager
def serving(serve: Callable[[Server, socket.socket, int], None], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(lambda stream, number: serve(server, stream, number), tls)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def transport() -> Iterator[LightTransport]:
    with LightTransport(connect=5, read=5) as transport:
        yield transport


def polite(server: Server, stream: socket.socket, number: int) -> None:
    while server.read(stream):
        stream.sendall(OK)


def get(
    port: int, method: str = "GET", scheme: str = "http", host: str = "127.0.0.1", content: bytes | None = None
) -> HttpRequest:
    return HttpRequest(method, f"{scheme}://{host}:{port}/a%20b?x=1", content=content)


def test_a_connection_is_kept_and_the_request_goes_out_as_it_was_made(transport: LightTransport) -> None:
    with serving(polite) as server:
        for _ in range(3):
            answer = transport.send(get(server.port, "PATCH", content=b'{"a": 1}'))
        transport.close()
    assert server.connections == 1
    assert answer.json() == {}
    assert answer.headers["CONTENT-TYPE"] == "application/json"
    assert server.received[0].startswith(b"PATCH /a%20b?x=1 HTTP/1.1\r\n")
    assert server.received[0].endswith(b'\r\n\r\n{"a": 1}')


def test_eight_threads_have_eight_connections_and_reuse_them(transport: LightTransport) -> None:
    with serving(polite) as server, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: transport.send(get(server.port)).status_code, range(200)))
        transport.close()
    assert answers == [200] * 200
    assert server.connections <= 8


def test_a_connection_that_the_host_has_closed_is_noticed_before_it_is_used(transport: LightTransport) -> None:
    closed = threading.Event()

    def once(server: Server, stream: socket.socket, number: int) -> None:
        server.read(stream)
        stream.sendall(OK)
        stream.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(once) as server:
        for _ in range(3):
            assert transport.send(get(server.port, "PATCH", content=b"{}")).status_code == 200
            assert closed.wait(5)
            closed.clear()
    assert server.connections == 3


def test_nobody_listens_nothing_was_sent(transport: LightTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServiceRequestError) as caught:
        transport.send(get(port))
    assert isinstance(caught.value.inner_exception, ConnectionRefusedError)


def test_an_unknown_name_was_not_sent(transport: LightTransport) -> None:
    with pytest.raises(ServiceRequestError):
        transport.send(HttpRequest("GET", "https://no-such-host.invalid/x"))


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-"],
    ids=["closed", "half a body", "no http", "half a head"],
)
def test_a_broken_answer_means_that_it_was_sent(transport: LightTransport, answer: bytes) -> None:
    def serve(server: Server, stream: socket.socket, number: int) -> None:
        server.read(stream)
        stream.sendall(answer)

    with serving(serve) as server, pytest.raises(ServiceResponseError):
        transport.send(get(server.port, "PATCH", content=b"{}"))
    assert len(server.received) == 1


def test_silence_means_that_it_was_sent(transport: LightTransport) -> None:
    over = threading.Event()

    def serve(server: Server, stream: socket.socket, number: int) -> None:
        server.read(stream)
        over.wait(5)

    with serving(serve) as server:
        with pytest.raises(ServiceResponseTimeoutError):
            transport.send(get(server.port), read_timeout=0.05)
        over.set()


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_answers_without_body(transport: LightTransport, status: bytes) -> None:
    def serve(server: Server, stream: socket.socket, number: int) -> None:
        while server.read(stream):
            stream.sendall(b"HTTP/1.1 " + status + b"\r\n\r\n")

    with serving(serve) as server:
        assert transport.send(get(server.port)).content == b""
        assert transport.send(get(server.port)).content == b""
        transport.close()
    assert server.connections == 1


def test_chunked_answers_and_answers_until_the_end(transport: LightTransport) -> None:
    def serve(server: Server, stream: socket.socket, number: int) -> None:
        server.read(stream)
        stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        server.read(stream)
        stream.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]")

    with serving(serve) as server:
        assert transport.send(get(server.port)).json() == {}
        assert transport.send(get(server.port)).json() == []


def test_redirects_are_not_followed(transport: LightTransport) -> None:
    def serve(server: Server, stream: socket.socket, number: int) -> None:
        server.read(stream)
        stream.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    with serving(serve) as server:
        assert transport.send(get(server.port)).status_code == 302
        transport.close()
    assert len(server.received) == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_an_unknown_authority_is_not_trusted_and_nothing_is_sent(
    transport: LightTransport, tls: ssl.SSLContext
) -> None:
    with serving(polite, tls) as server, pytest.raises(NotTrusted):
        transport.send(get(server.port, scheme="https", host="localhost"))
    assert server.received == []


def test_a_configured_authority_is_trusted(authority: trustme.CA, tls: ssl.SSLContext, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    with serving(polite, tls) as server, LightTransport(ca_file=ca) as transport:
        assert transport.send(get(server.port, scheme="https", host="localhost")).status_code == 200
        with pytest.raises(NotTrusted):  # the certificate is for localhost, not for the address
            transport.send(get(server.port, scheme="https", host="127.0.0.1"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_unusable_file_of_authorities_is_named(tmp_path: Path, content: str | None) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with LightTransport(ca_file=ca) as transport, pytest.raises(NotTrusted, match=r"ca\.pem"):
        transport.send(get(1, scheme="https"))


def test_https_to_a_host_that_does_not_speak_it(transport: LightTransport) -> None:
    def serve(server: Server, stream: socket.socket, number: int) -> None:
        stream.recv(100)
        stream.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(serve) as server, pytest.raises(NotTrusted) as caught:
        transport.send(get(server.port, scheme="https"))
    assert isinstance(caught.value.inner_exception, ssl.SSLError)


def test_a_proxy_is_asked_for_a_tunnel_and_its_refusal_is_told() -> None:
    def serve(server: Server, stream: socket.socket, number: int) -> None:
        server.read(stream)
        stream.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with serving(serve) as server:
        proxy = Proxy(host="127.0.0.1", port=server.port, login=Secret("Basic dTpw"))
        with LightTransport(proxies=ProxyRules(proxy=proxy)) as transport, pytest.raises(ProxyFailed) as caught:
            transport.send(HttpRequest("GET", "https://management.azure.com/x", headers={"Authorization": "Bearer t"}))
    assert "407" in str(caught.value.inner_exception)
    assert server.received[0].startswith(b"CONNECT management.azure.com:443 ")
    assert b"Proxy-Authorization: Basic dTpw" in server.received[0]
    assert b"Bearer" not in server.received[0]


def test_proxy_rules_are_those_of_the_usual_variables() -> None:
    rules = ProxyRules.of(
        {"HTTPS_PROXY": "http://us%40er:p%3Aw@proxy.example:3128", "no_proxy": ".corp, other.example"}
    )
    assert rules.proxy is not None
    assert (rules.proxy.host, rules.proxy.port) == ("proxy.example", 3128)
    assert rules.proxy.login is not None
    assert rules.proxy.login.reveal() == "Basic dXNAZXI6cDp3"
    assert "p:w" not in repr(rules)
    for direct in ("a.corp", "corp", "other.example", "127.0.0.1", "localhost"):
        assert rules.for_host(direct) is None
    assert rules.for_host("management.azure.com") is rules.proxy
    assert ProxyRules.of({"all_proxy": "proxy.example", "NO_PROXY": "*"}).for_host("management.azure.com") is None
    assert ProxyRules.of({}).proxy is None
    with pytest.raises(ValueError, match="http://"):
        ProxyRules.of({"https_proxy": "socks5://proxy.example"})
