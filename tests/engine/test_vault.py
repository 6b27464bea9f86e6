"""Sealed secrets."""

import pytest

from mys3d.engine.vault import NONCE_BYTES, Vault
from mys3d.errors import Unavailable
from mys3d.model.names import AccessKey

ALICE = AccessKey("AKIAALICE")
BOB = AccessKey("AKIABOB")
NONCE = bytes(range(NONCE_BYTES))


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(32))


def test_a_sealed_secret_opens_to_itself_again_and_again(vault: Vault) -> None:
    sealed = vault.seal(ALICE, "wJalrXUtnFEMI/K7MDENG", NONCE)
    assert [vault.open(ALICE, sealed), vault.open(ALICE, sealed)] == ["wJalrXUtnFEMI/K7MDENG"] * 2


def test_a_sealed_secret_does_not_contain_the_secret(vault: Vault) -> None:
    assert b"wJalrXUtnFEMI" not in vault.seal(ALICE, "wJalrXUtnFEMI", NONCE)


def test_a_secret_sealed_for_one_access_key_does_not_open_for_another(vault: Vault) -> None:
    sealed = vault.seal(ALICE, "secret", NONCE)
    with pytest.raises(Unavailable, match="AKIABOB"):
        vault.open(BOB, sealed)


def test_a_secret_does_not_open_under_another_cluster_key(vault: Vault) -> None:
    with pytest.raises(Unavailable, match="not sealed under this cluster's key"):
        Vault(bytes([1]) * 32).open(ALICE, vault.seal(ALICE, "secret", NONCE))


@pytest.mark.parametrize("at", [0, NONCE_BYTES, -1])
def test_a_changed_byte_is_noticed(vault: Vault, at: int) -> None:
    sealed = bytearray(vault.seal(ALICE, "secret", NONCE))
    sealed[at] ^= 1
    with pytest.raises(Unavailable):
        vault.open(ALICE, bytes(sealed))


def test_a_cut_secret_is_noticed(vault: Vault) -> None:
    with pytest.raises(Unavailable):
        vault.open(ALICE, b"short")


def test_many_opened_secrets_do_not_fill_the_memory(vault: Vault) -> None:
    for number in range(3000):
        key = AccessKey(f"AKIA{number}")
        assert vault.open(key, vault.seal(key, "secret", NONCE)) == "secret"
    assert len(vault._opened) <= 1024
