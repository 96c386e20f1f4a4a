"""README and CHANGELOG tell what there is: every option, commands that CI itself runs, the version."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

import pytest

import live.__main__ as live_command
import video.__main__ as video_command
from tests.conftest import REPOSITORY


def readme() -> str:
    return (REPOSITORY / "README.md").read_text("utf-8")


@pytest.mark.parametrize("build_parser", [video_command.build_parser, live_command.build_parser])
def test_every_option_is_in_the_readme(build_parser: Callable[[], argparse.ArgumentParser]) -> None:
    flags = [flag for action in build_parser()._actions for flag in action.option_strings]
    missing = [flag for flag in flags if flag.startswith("--") and flag not in readme()]
    assert set(missing) <= {"--help", "--output"}


@pytest.mark.parametrize("mark", ["install", "test"])
def test_ci_finds_the_readmes_commands(mark: str) -> None:
    block = readme().split(f"<!-- {mark} -->")[1].split("<!-- end -->")[0]
    commands = [line for line in block.splitlines() if line and not line.startswith("```")]
    assert len(commands) == 1
    assert ".venv/bin/" in commands[0]


def test_pictures_and_files_named_in_the_readme_exist() -> None:
    for link in [part.split(")")[0] for part in readme().split("](")[1:]]:
        if "://" not in link:
            assert (REPOSITORY / link).exists(), link


def test_the_newest_version_in_the_changelog_is_the_projects() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", changelog, flags=re.MULTILINE)
    project = re.search(
        r'^version = "(.+)"', (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert project is not None
    assert versions[0] == project[1]
    assert versions == sorted(
        versions, key=lambda text: [int(part) for part in text.split(".")], reverse=True
    )
