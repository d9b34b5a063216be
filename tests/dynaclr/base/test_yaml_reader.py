from __future__ import annotations

from pathlib import Path

import pytest

from dynaclr.base.errors import ConfigError
from dynaclr.base.yaml_reader import LINE, MAX_BYTES, load_yaml, read_text, without_lines


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_every_mapping_knows_its_line(tmp_path: Path, newline: bytes, bom: bytes) -> None:
    lines = [b"# note", b"a:", b"  b: 1", b"c:", b"  - d: 2", b"    e: {f: 3}", b"  - g: 4"]
    loaded = load_yaml(written(tmp_path, bom + newline.join(lines)))
    assert loaded[LINE] == 2
    assert loaded["a"][LINE] == 3
    assert [item[LINE] for item in loaded["c"]] == [5, 7]
    assert loaded["c"][0]["e"][LINE] == 6
    assert without_lines(loaded) == {"a": {"b": 1}, "c": [{"d": 2, "e": {"f": 3}}, {"g": 4}]}
    assert LINE in loaded["a"]  # the copy was cleaned, not the original


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "'c' is duplicated, on lines 3 and 5"),
        (b"a: {b: 1, b: 2}\n", "'b' is duplicated, on lines 1 and 1"),
        (b"a: 1\n? [b]\n: 2\n", "not valid YAML at line 2.*unhashable key"),
        (b"a: &a [*a]\n", "aliases expand to too much"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: 'open\n", "not valid YAML"),
        (b"text\n", "the top must be a mapping.*str"),
        (b"# only a note\n", "an empty file"),
        (b"a: \xe9\n", "line 1 is not UTF-8; found byte 0xe9"),
        (b"ok: 1\n" + b"a: b\n".decode().encode("utf-16"), "line 2 is not UTF-8"),
    ],
)
def test_what_is_no_such_yaml_is_named_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"a\.yaml: .*{message}"):
        load_yaml(written(tmp_path, content))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"file cannot be read; expected a file at .*nowhere\.yaml"):
        load_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="file cannot be read"):
        read_text(tmp_path)
    with pytest.raises(ConfigError, match=f"too large; expected <= {MAX_BYTES} bytes; found {MAX_BYTES + 1}"):
        read_text(written(tmp_path, b"#" * (MAX_BYTES + 1)))


def test_aliases_that_people_use_are_fine(tmp_path: Path) -> None:
    content = b"base: &base\n  a: 1\nx:\n  <<: *base\n  b: 2\ny: *base\n"
    loaded = without_lines(load_yaml(written(tmp_path, content)))
    assert loaded["x"] == {"a": 1, "b": 2}
    assert loaded["y"] == {"a": 1}
