"""The engine is the proved one, or nothing starts."""

import pytest

from mys3d.consensus import proof


def test_the_installed_engine_is_the_proved_one():
    proof.prove()


def test_another_version_is_refused_by_name():
    with pytest.raises(proof.UnprovedEngine, match=r"expected version 0\.3\.17, found 0\.3\.18"):
        proof.prove(version="0.3.18")


def test_a_changed_source_is_refused_with_both_digests(tmp_path):
    changed = tmp_path / "syncobj.py"
    changed.write_bytes(b"# patched\n")
    with pytest.raises(proof.UnprovedEngine, match=f"{proof.SHA256}, found"):
        proof.prove(source=changed)
