"""What a stranger gets: locks, images and setup, judged without an engine at hand.

Not run here: `docker build` and `docker compose up` (this machine has no engine). The files are parsed, and the
entry point is run with a stand-in for `mys3d`.
"""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"


def project() -> dict[str, Any]:
    document: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return document


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", lock.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", ["requirements.lock", "docker/requirements.lock"])
def test_every_locked_package_has_a_hash_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) > 30
    assert not [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert "://" not in text
    assert "--index" not in text


def test_the_lock_holds_exactly_what_the_project_asks_for() -> None:
    locked, about = pins(ROOT / "requirements.lock"), project()["project"]
    wanted = [*about["dependencies"], *about["optional-dependencies"]["dev"], *about["optional-dependencies"]["bench"]]
    for requirement in wanted:
        name, _, version = requirement.partition("==")
        assert locked[name] == version, requirement


def test_the_images_lock_is_the_part_that_runs() -> None:
    whole, image = pins(ROOT / "requirements.lock"), pins(DOCKER / "requirements.lock")
    assert image.items() <= whole.items()
    for requirement in [*project()["project"]["dependencies"], *project()["build-system"]["requires"]]:
        assert requirement.partition("==")[0] in image
    assert not {"pytest", "awscli", "boto3", "mypy"} & set(image)


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continuation lines joined."""
    text = re.sub(r"\\\n\s*", "", (DOCKER / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions():
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def test_the_image_is_built_in_one_stage_and_run_in_another() -> None:
    build, run = stages()
    assert build[0][1].endswith(" AS build")
    assert any(word == "COPY" and "--from=build" in rest for word, rest in run)
    assert any(word == "RUN" and "--require-hashes" in rest for word, rest in build)
    assert not [rest for word, rest in run if word == "RUN" and "pip" in rest]


def test_the_image_does_not_run_as_root() -> None:
    users = [rest for word, rest in stages()[1] if word == "USER"]
    assert users == ["10001:10001"]


def test_the_image_tells_its_health_its_ports_and_its_volume() -> None:
    run = dict(stages()[1])
    assert 'CMD ["mys3d", "health", "ready"]' in run["HEALTHCHECK"]
    assert run["EXPOSE"] == "9000 9001 9002"
    assert run["VOLUME"] == "/data"
    assert "MYS3D_DATA=/data" in run["ENV"]
    assert (run["ENTRYPOINT"], run["CMD"]) == ('["mys3d-entrypoint"]', '["start"]')


def test_every_file_that_the_image_copies_exists_and_is_not_ignored() -> None:
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            for source in [part for part in rest.split() if not part.startswith("--")][:-1]:
                assert (ROOT / source).exists(), source
                assert source.removeprefix("./") in shown, source


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text())
    return document


def test_compose_forms_three_nodes_by_tokens() -> None:
    services = compose()["services"]
    assert set(services) == {"n1", "n2", "n3", "tokens"}
    assert "mys3d token > /tokens/$$node" in services["tokens"]["entrypoint"][-1]
    assert services["tokens"]["depends_on"]["n1"]["condition"] == "service_healthy"
    assert "MYS3D_TOKEN_FILE" not in services["n1"]["environment"]
    for name in ("n2", "n3"):
        assert services[name]["environment"]["MYS3D_TOKEN_FILE"] == f"/tokens/{name}"
        assert services[name]["depends_on"]["tokens"]["condition"] == "service_completed_successfully"


def test_compose_gives_each_node_its_own_volume_zone_and_port() -> None:
    services = {name: compose()["services"][name] for name in ("n1", "n2", "n3")}
    assert {service["environment"]["MYS3D_ZONE"] for service in services.values()} == set(services)
    assert [service["ports"][0] for service in services.values()] == [
        "127.0.0.1:9000:9000",
        "127.0.0.1:9010:9000",
        "127.0.0.1:9020:9000",
    ]
    for name, service in services.items():
        assert f"{name}:/data" in service["volumes"]
    assert set(compose()["volumes"]) == {"n1", "n2", "n3", "tokens"}


def test_compose_uses_only_names_that_mys3d_reads() -> None:
    from mys3d.config.settings import BY_ANCESTOR, BY_VARIABLE

    for service in compose()["services"].values():
        for name in service.get("environment", {}):
            assert name in BY_ANCESTOR or name in BY_VARIABLE or name == "MYS3D_TOKEN_FILE", name


def enter(tmp_path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the entry point with a program `mys3d` that prints what it was told."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "mys3d").write_text('#!/bin/sh\necho "mys3d $*"\n')
    (programs / "mys3d").chmod(0o755)
    return subprocess.run(
        ["sh", str(DOCKER / "entrypoint.sh"), *words],
        env={"PATH": f"{programs}:{os.environ['PATH']}", "MYS3D_DATA": str(tmp_path)} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_node_with_a_token_joins_and_a_member_starts(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("MYS1.a.b@n1:9002\n")
    token_file = str(tmp_path / "token")
    assert enter(tmp_path, "start", MYS3D_TOKEN_FILE=token_file).stdout == "mys3d join MYS1.a.b@n1:9002\n"
    (tmp_path / "identity").touch()
    assert enter(tmp_path, "start", MYS3D_TOKEN_FILE=token_file).stdout == "mys3d start\n"


def test_without_a_token_the_container_does_as_it_is_told(tmp_path: Path) -> None:
    assert enter(tmp_path, "start", "--zone", "a").stdout == "mys3d start --zone a\n"
    assert enter(tmp_path, "status", "--json").stdout == "mys3d status --json\n"


def test_a_volume_of_another_user_is_named_with_its_remedy(tmp_path: Path) -> None:
    done = enter(tmp_path, "start", MYS3D_DATA=str(tmp_path / "absent"))
    assert done.returncode == 1
    assert "chown -R" in done.stderr


def test_a_machine_without_a_usable_python_is_told_what_to_install() -> None:
    done = subprocess.run(
        ["sh", str(DOCKER / "setup.sh"), ""], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 1
    assert "sudo apt install python3 python3-venv" in done.stderr


@pytest.mark.parametrize("script", ["docker/setup.sh", "docker/entrypoint.sh", ".ci/run"])
def test_scripts_are_sound_shell(script: str) -> None:
    shell = "bash" if script == ".ci/run" else "sh"
    assert subprocess.run([shell, "-n", str(ROOT / script)], check=False).returncode == 0


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    assert (ROOT / ".ci/run").read_text().splitlines()[-2:] == ["make check", "make test"]


def test_no_file_names_an_index() -> None:
    for path in [ROOT / "Makefile", ROOT / "pyproject.toml", *DOCKER.iterdir()]:
        assert not re.search(r"index-url|extra-index|find-links", path.read_text()), path.name
