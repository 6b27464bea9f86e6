"""What Hypercorn is told."""

from mys3d.web.deadlines import Deadlines
from mys3d.web.front_config import FrontConfig


def test_http_2_is_not_offered_and_nothing_is_logged_per_request() -> None:
    config = FrontConfig("127.0.0.1:0", Deadlines(graceful=3))
    assert config.alpn_protocols == ["http/1.1"]
    assert config.accesslog is None
    assert config.bind == ["127.0.0.1:0"]
    assert config.graceful_timeout == 3


def test_listeners_do_not_share_their_idle_connections() -> None:
    assert FrontConfig("a:0", Deadlines()).lobby is not FrontConfig("b:0", Deadlines()).lobby


def test_without_a_certificate_there_is_no_tls() -> None:
    assert FrontConfig("127.0.0.1:0", Deadlines()).create_ssl_context() is None
