"""The machine's clock runs forward and its chance differs."""

from mys3d.node.world import MachineClock, MachineEntropy


def test_the_clock_tells_milliseconds_and_never_runs_backwards() -> None:
    clock = MachineClock()
    assert clock.now() > 1_600_000_000_000
    assert clock.monotonic() <= clock.monotonic()


def test_chance_has_the_size_asked_for_and_differs() -> None:
    entropy = MachineEntropy()
    assert [len(entropy.token(size)) for size in (0, 1, 16)] == [0, 1, 16]
    assert entropy.token(16) != entropy.token(16)
