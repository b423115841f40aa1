import ada_url
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.address import _BLOCKS, refusal, url_refusal

REFUSED = {
    "this network": "0.0.0.0 0.255.255.255",
    "private use": "10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255",
    "shared address space of carriers": "100.64.0.0 100.100.100.200 100.127.255.255",
    "loopback": "127.0.0.1 127.0.0.53 127.1.1.1 127.255.255.255 ::1",
    "link local": "169.254.0.0 169.254.169.254 169.254.170.2 fe80::1 fe80::a9fe:a9fe febf:ffff::1",
    "IETF protocol assignments": "192.0.0.0 192.0.0.9 192.0.0.170 192.0.0.255 2001:1::1 2001:4:112::1 2001:1ff:ffff::1",
    "documentation": "192.0.2.1 198.51.100.7 203.0.113.255 2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff:ffff::1",
    "AS112": "192.31.196.1 192.175.48.6 2620:4f:8000::1",
    "multicast tunnelling (AMT)": "192.52.193.1",
    "6to4 relays": "192.88.99.1",
    "benchmarking": "198.18.0.0 198.19.255.255 2001:2::1",
    "multicast": "224.0.0.1 239.255.255.250 ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "reserved": "240.0.0.1 255.255.255.254",
    "broadcast": "255.255.255.255",
    "unspecified": "::",
    "IPv4-compatible": "::7f00:1 ::10.0.0.1 ::127.0.0.1 ::8.8.8.8",
    "IPv4-mapped": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:7f00:1 ::ffff:8.8.8.8 ::ffff:0.0.0.0",
    "IPv4-translated": "::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8",
    "NAT64": "64:ff9b::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::8.8.8.8",
    "NAT64 for local use": "64:ff9b:1::1 64:ff9b:1:ffff::7f00:1",
    "discard only": "100::1",
    "dummy prefix": "100:0:0:1::1",
    "Teredo": "2001::1 2001:0:7f00:1:: 2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:10::1",
    "ORCHIDv2": "2001:20::1 2001:2f:ffff::1",
    "drone remote identification": "2001:30::1",
    "6to4": "2002:7f00:1::1 2002:a00:1:: 2002:a9fe:a9fe::1 2002:808:808::1",
    "segment routing": "5f00::1",
    "unique local": "fc00::1 fd00:ec2::254 fdff:ffff::1",
    "site local": "fec0::1 feff::1",
    "no global unicast": "200::1 400::1 4000::1 8000::1 e000::1 101::1 64:ff9b:2::1",
    "ISATAP": "2a00:1450::5efe:10.0.0.1 2606:4700::200:5efe:127.0.0.1",
}
ALLOWED = (
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.215.14 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 "
    "169.253.255.255 169.255.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 "
    "223.255.255.255 2606:4700::1111 2a00:1450:4001:81b::200e 2001:4860:4860::8888 2001:200::1 2003::1 2620:0:ccc::2"
)


@pytest.mark.parametrize(("ip", "name"), [(ip, name) for name, ips in REFUSED.items() for ip in ips.split()])
def test_a_special_purpose_address_is_refused_by_the_name_of_its_block(ip, name):
    assert str(refusal(ip)).endswith(f"({name})")


@pytest.mark.parametrize("ip", ALLOWED.split())
def test_an_address_of_a_site_is_not_refused(ip):
    assert refusal(ip) is None


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "[::1]", "1.2.3.4/24"])
def test_what_is_no_address_is_refused(text):
    assert refusal(text) == "no IP address"


def test_a_scope_does_not_hide_an_address():
    assert refusal("fe80::1%eth0") == "fe80::/10 (link local)"


@given(st.sampled_from(_BLOCKS), st.integers(min_value=0))
def test_every_address_of_every_block_is_refused(block, seed):
    from ipaddress import ip_network

    network = ip_network(block[0])
    assert refusal(str(network[seed % network.num_addresses])) is not None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1/", "address in 127.0.0.0/8 (loopback)"),
        ("http://127.1/", "address in 127.0.0.0/8 (loopback)"),
        ("http://2130706433/", "address in 127.0.0.0/8 (loopback)"),
        ("http://0x7f.0.0.1/", "address in 127.0.0.0/8 (loopback)"),
        ("http://0177.0.0.01/", "address in 127.0.0.0/8 (loopback)"),
        ("http://0/", "address in 0.0.0.0/8 (this network)"),
        ("http://①②⑦.⓪.⓪.①/", "address in 127.0.0.0/8 (loopback)"),
        ("http://127。0。0。1/", "address in 127.0.0.0/8 (loopback)"),
        ("http://%31%32%37.0.0.1/", "address in 127.0.0.0/8 (loopback)"),
        ("http://169.254.169.254/latest/meta-data/", "address in 169.254.0.0/16 (link local)"),
        ("http://[::1]/", "address in ::1/128 (loopback)"),
        ("http://[::ffff:127.0.0.1]/", "address in ::ffff:0:0/96 (IPv4-mapped)"),
        ("http://[0:0:0:0:0:ffff:7f00:1]/", "address in ::ffff:0:0/96 (IPv4-mapped)"),
        ("http://[64:ff9b::7f00:1]/", "address in 64:ff9b::/96 (NAT64)"),
        ("http://[2002:7f00:1::]/", "address in 2002::/16 (6to4)"),
        ("http://[fe80::1%25eth0]/", "no URL that can be read"),
        ("http://site.example:8080/", "port 8080"),
        ("http://site.example:22/", "port 22"),
        ("http://user@site.example/", "a user name in the URL"),
        ("http://:secret@site.example/", "a user name in the URL"),
        ("http://site.example:80\\@127.88.23.245:22/", None),  # the host is site.example, whatever others read
        ("http://127.0.0.1#@site.example/", "address in 127.0.0.0/8 (loopback)"),
        ("http://site.example@127.0.0.1/", "a user name in the URL"),
        ("file:///etc/passwd", "scheme file"),
        ("ftp://site.example/", "scheme ftp"),
        ("data:text/html,x", "scheme data"),
        ("gopher://site.example/", "scheme gopher"),
        ("javascript:alert(1)", "scheme javascript"),
        ("//site.example/", "no URL that can be read"),
        ("", "no URL that can be read"),
        ("http://", "no URL that can be read"),
        ("http://a b/", "no URL that can be read"),
        ("http://site.example:443/", None),
        ("https://site.example:80/", None),
        ("http://1.1.1.1/", None),
        ("http://[2606:4700::1111]/", None),
    ],
)
def test_a_url_is_refused_before_anything_is_looked_up(url, why):
    assert url_refusal(url) == why


def test_a_host_with_a_given_address_may_be_anywhere_but_only_at_its_port():
    hosts = {"river.example": ("127.0.0.1", 8123)}
    assert url_refusal("http://river.example/", hosts) is None
    assert url_refusal("http://river.example:8123/", hosts) is None
    assert url_refusal("http://river.example:8124/", hosts) == "port 8124"
    assert url_refusal("http://127.0.0.1:8123/", hosts) == "port 8123"


@given(st.ip_addresses(v=4))
def test_every_spelling_of_an_ipv4_address_is_judged_alike(ip):
    spelled = [str(int(ip)), hex(int(ip)), f"[::ffff:{ip}]"]
    wanted = refusal(str(ip))
    assert [url_refusal(f"http://{form}/") for form in spelled[:2]] == [f"address in {wanted}" if wanted else None] * 2
    assert url_refusal(f"http://{spelled[2]}/") == "address in ::ffff:0:0/96 (IPv4-mapped)"
    assert ada_url.URL(f"http://{spelled[0]}/").hostname == str(ip)
