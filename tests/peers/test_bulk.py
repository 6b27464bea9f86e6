"""Secrets of plain lanes."""


def test_every_secret_is_another_and_long_enough(room):
    bulk = room.Bulk(room.Buffers(), room.Dice(1))
    assert not bulk.has_plain
    secrets = {bulk.new_secret() for _ in range(10)}
    assert len(secrets) == 10 and {len(secret) for secret in secrets} == {32}
