import pytest

from pipelines.site import load_site, size
from schemas.errors import SiteError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2 GiB", 2 << 30),
        ("500MB", 500_000_000),
        ("4096", 4096),
        ("1.5k", 1500),
        ("3 TiB", 3 << 40),
        (" 7 B ", 7),
        ("1KiB", 1024),
    ],
)
def test_a_size_is_bytes(text, found):
    assert size(text, where="here") == found


@pytest.mark.parametrize("text", ["", "lots", "1x", "-1 GB", "1 GB 2", "1e3", "GiB"])
def test_what_is_no_size_is_refused_with_where_it_stands(text):
    with pytest.raises(SiteError, match=r"here: .* is no size; write it as"):
        size(text, where="here")


def test_the_memory_of_a_site_is_read_and_has_a_least(tmp_path):
    assert load_site(tmp_path).memory == 2 << 30
    (tmp_path / "site.toml").write_text('[run]\nmemory = "100 MiB"\n')
    assert load_site(tmp_path).memory == 100 << 20
    (tmp_path / "site.toml").write_text('[run]\nmemory = "1 MiB"\n')
    with pytest.raises(SiteError, match="memory must be at least 64 MiB, is 1,048,576 bytes"):
        load_site(tmp_path)
