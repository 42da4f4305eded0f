"""URLs that somebody names: one reading, and what may be called by it."""

from __future__ import annotations

import pytest

from core.outbound.targets import URL_MAX_CHARS, BadTargetError, Target, parse_target

TAKEN = {
    "https://hooks.example.com": "https://hooks.example.com/",
    "HTTPS://Hooks.Example.COM/Path": "https://hooks.example.com/Path",
    "https://hooks.example.com:443/": "https://hooks.example.com/",
    "https://hooks.example.com:8443/a?b=c&d=%2F": "https://hooks.example.com:8443/a?b=c&d=%2F",
    "https://hooks.example.com./": "https://hooks.example.com/",
    "https://hooks.example.com?key=1": "https://hooks.example.com/?key=1",
    "https://hooks.example.com/ü?ß=%zz": "https://hooks.example.com/%C3%BC?%C3%9F=%25zz",
    "https://bücher.de/": "https://xn--bcher-kva.de/",
    "https://BÜCHER.de/": "https://xn--bcher-kva.de/",
    "https://faß.de/": "https://xn--fa-hia.de/",
    "https://例え.jp/": "https://xn--r8jz45g.jp/",
    "https://a_b.example.com/": "https://a_b.example.com/",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]:8443/": "https://[2606:4700:4700::1111]:8443/",
}
REFUSED = {
    "": "absolute",
    "hooks.example.com": "begin with https://",
    "//hooks.example.com/": "begin with https://",
    "https:hooks.example.com": "begin with https://",
    "https:///path": "begin with https://",
    "ftp://hooks.example.com/": "begin with https://",
    "file:///etc/passwd": "begin with https://",
    "gopher://hooks.example.com/": "begin with https://",
    "http://hooks.example.com/": "begin with https://",
    "https://user:word@hooks.example.com/": "user name",
    "https://hooks.example.com@127.0.0.1/": "user name",
    "https://@hooks.example.com/": "user name",
    "https://hooks.example.com/#part": "fragment",
    "https://hooks.example.com/#": "fragment",
    "https://hooks.example.com\\@127.0.0.1/": "without blanks",
    "https://hooks.example.com/a b": "without blanks",
    " https://hooks.example.com/": "without blanks",
    "https://hooks.example.com/\n": "without blanks",
    "https://hooks.example.com/\r\nHost: other": "without blanks",
    "https://hooks.example.com/\t": "without blanks",
    "https://hooks.example.com/\0": "without blanks",
    "https://hooks.example.com:0/": "port",
    "https://hooks.example.com:22/": "port",
    "https://hooks.example.com:25/": "port",
    "https://hooks.example.com:80/": "port",
    "https://hooks.example.com:1023/": "port",
    "https://hooks.example.com:65536/": "port",
    "https://hooks.example.com:x/": "port",
    "https://hooks.example.com:-1/": "port",
    "https://127.0.0.1/": "loopback",
    "https://10.0.0.1:8443/": "private",
    "https://169.254.169.254/latest/meta-data/": "metadata",
    "https://[::1]/": "loopback",
    "https://[::ffff:10.0.0.1]/": "private",
    "https://[64:ff9b::7f00:1]/": "loopback",
    "https://[fd00:ec2::254]/": "unique local",
    "https://[fe80::1%25eth0]/": "encoded",
    "https://[v1.x]/": "not an IP address",
    "https://[::1/": "cannot be read",
    "https://127.1/": "whole domain name",
    "https://127.0.1/": "whole domain name",
    "https://2130706433/": "whole domain name",
    "https://0x7f000001/": "whole domain name",
    "https://0x7f.0.0.1/": "whole domain name",
    "https://0177.0.0.1/": "whole domain name",
    "https://127.0.0.1./": "whole domain name",
    "https://\uff11\uff12\uff17.0.0.1/": "whole domain name",
    "https://①②⑦.0.0.1/": "whole domain name",
    "https://%31%32%37.0.0.1/": "encoded",
    "https://hooks%2eexample.com/": "encoded",
    "https://localhost/": "whole domain name",
    "https://database/": "whole domain name",
    "https://hooks.localhost/": "private networks",
    "https://printer.local/": "private networks",
    "https://metadata.google.internal/": "private networks",
    "https://a..com/": "domain name",
    "https://-a.com/": "whole domain name",
    "https://" + "a" * 64 + ".com/": "whole domain name",
    "https://hooks.example.com/" + "a" * URL_MAX_CHARS: "at most",
}


@pytest.mark.parametrize("url", TAKEN)
def test_a_url_of_the_public_internet_is_taken_and_written_in_one_way(url: str) -> None:
    target = parse_target(url)
    assert target.url == TAKEN[url]
    assert parse_target(target.url) == target


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_any_other_is_refused_with_what_to_change(number: int) -> None:
    url, words = list(REFUSED.items())[number]
    with pytest.raises(BadTargetError, match=words):
        parse_target(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_may_be_named_where_that_is_allowed_without_tls_too(host: str) -> None:
    for scheme in ("http", "https"):
        url = f"{scheme}://{host}:9000/hook"
        assert parse_target(url, loopback=True).url == url
        with pytest.raises(BadTargetError):
            parse_target(url)


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "http://10.0.0.1:9000/", "https://192.168.0.1/"])
def test_nothing_else_is_allowed_with_it(url: str) -> None:
    with pytest.raises(BadTargetError):
        parse_target(url, loopback=True)


def test_a_target_has_the_parts_that_a_request_is_made_of() -> None:
    target = parse_target("https://hooks.example.com:8443/a?b")
    assert target == Target(is_https=True, host="hooks.example.com", port=8443, path="/a?b")
    assert target.authority == "hooks.example.com:8443"
