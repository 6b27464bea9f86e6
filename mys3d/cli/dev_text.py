"""What `mys3d dev` prints.        Floor: top (pure). Called by: dev_commands.

Law: every command that is printed works exactly as printed, in the directory it was printed in.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from mys3d import __version__
from mys3d.cli.dev_plan import DevPlan


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the operator stands: the directory, where the programs are, and what is on the PATH already."""

    directory: Path
    programs: Path  # the directory of mys3d's own programs
    on_path: frozenset[str] = frozenset()  # programs whose bare name already means ours

    def word(self, program: str) -> str:
        """How `program` is typed here."""
        if program in self.on_path:
            return program
        return shlex.quote(str(shorter(self.programs / program, self.directory)))


def shorter(path: Path, directory: Path) -> Path:
    return path.relative_to(directory) if path.is_relative_to(directory) else path


def data_option(plan: DevPlan, here: Surroundings) -> str:
    """` --data DIR`, or nothing when DIR is what commands assume here."""
    if plan.data == here.directory / "mys3d-data":
        return ""
    return f" --data {shlex.quote(str(shorter(plan.data, here.directory)))}"


def banner(plan: DevPlan, here: Surroundings, seconds: float, is_settled: bool) -> str:
    """Everything needed to try the cluster and to break it."""
    mys3d, option = here.word("mys3d"), data_option(plan, here)
    victim = plan.nodes[1 % len(plan.nodes)].name
    count = f"{len(plan.nodes)} node{'s' if len(plan.nodes) > 1 else ''}"
    source = "README.md" if (here.directory / "README.md").exists() else "-"
    copy = f"{here.word('aws')} s3 cp {source} s3://{plan.bucket}/{'hello' if source == '-' else ''}"
    lines = [
        "",
        f"  mys3d {__version__} · local cluster · {count} ready in {seconds:.1f} s · Ctrl-C stops, data is kept",
        *([] if is_settled else ["  (copies are still on their way: watch the status)"]),
        "",
        f"  S3 endpoint  {plan.endpoint(plan.nodes[0])}",
        f"  Access key   {plan.credentials.access_key}",
        f"  Secret key   {plan.credentials.secret_key}",
        f"               (saved in {shorter(plan.data, here.directory)}/credentials, mode 600)",
        f"  Bucket       {plan.bucket}        Region {plan.credentials.region}",
        f"  Nodes        {'  '.join(f'{node.name} {node.s3}' for node in plan.nodes)}",
        "",
        "  Try it, in another terminal of this directory:",
        f'    eval "$({mys3d} env{option})"',
        f"    {'echo hello | ' if source == '-' else ''}{copy}",
        f"    {here.word('aws')} s3 ls s3://{plan.bucket}/",
        f"    {mys3d} status{option}",
        "  Break it:",
        f"    {mys3d} dev kill {victim}{option}",
        f"    {mys3d} dev start {victim}{option}",
        "",
    ]
    return "\n".join(lines)
