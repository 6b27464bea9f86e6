"""One network namespace for each node, joined by a bridge.        Floor: tests. Called by: campaigns. Needs a sandbox.

Law: clients sit on the bridge and reach every node always; only the links between nodes are cut.
"""

from tests.campaigns.sandbox import run

PREFIX = "10.78.0"
BRIDGE = f"{PREFIX}.254"


class Network:
    """Addresses PREFIX.1 to PREFIX.count, one in each of the namespaces n1 to n<count>."""

    def __init__(self, count: int) -> None:
        self.names = [f"n{number}" for number in range(1, count + 1)]
        run("ip", "link", "add", "br0", "type", "bridge")
        run("ip", "addr", "add", f"{BRIDGE}/24", "dev", "br0")
        run("ip", "link", "set", "br0", "up")
        for name in self.names:
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", f"v-{name}", "master", "br0", "up")
            run("ip", "-n", name, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")

    def address(self, name: str) -> str:
        return f"{PREFIX}.{name.removeprefix('n')}"

    def inside(self, name: str) -> list[str]:
        """The words that run a program where the node lives."""
        return ["ip", "netns", "exec", name]

    def drop(self, source: str, target: str) -> None:
        """What `source` sends no longer arrives at `target`; the other direction goes on."""
        run(*self.inside(target), "iptables", "-A", "INPUT", "-s", self.address(source), "-j", "DROP")

    def cut(self, one: str, other: str) -> None:
        self.drop(one, other)
        self.drop(other, one)

    def isolate(self, name: str) -> None:
        for other in self.names:
            if other != name:
                self.cut(name, other)

    def slow(self, name: str, kilobits_per_second: int) -> None:
        """Narrow what the node sends."""
        words = ["rate", f"{kilobits_per_second}kbit", "burst", "32kbit", "latency", "400ms"]
        run("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "tbf", *words)

    def widen(self, name: str) -> None:
        run("tc", "-n", name, "qdisc", "del", "dev", "eth0", "root")

    def heal(self) -> None:
        for name in self.names:
            run(*self.inside(name), "iptables", "-F", "INPUT")
