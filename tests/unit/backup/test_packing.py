# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.packing import (
    COMPRESS,
    Key,
    Packing,
    choose_packing,
    parse_key,
    unpacking,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, CommandError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._pipe import HostPipes
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Flow, Stage

AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN admin@example.org (laptop)"
IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"


def host(*programs: str) -> Callable[..., str | None]:
    """What a host with these programs finds."""
    return lambda *wanted: next((program for program in wanted if program in programs), None)


EVERYTHING = host("zstd", "pigz", "gzip", "age")


def test_what_can_be_asked_for() -> None:
    assert COMPRESS == ("auto", "zstd", "pigz", "gzip", "none")


@pytest.mark.parametrize(
    ("compress", "level", "installed", "expected"),
    [
        ("auto", None, ("gzip", "pigz", "zstd"), Packing("zstd", 1)),
        ("auto", None, ("gzip", "pigz"), Packing("pigz", 1)),
        ("auto", None, ("gzip",), Packing("gzip", 1)),
        ("auto", None, (), Packing("none", 0)),
        ("auto", 7, ("gzip",), Packing("gzip", 7)),
        ("zstd", 1, ("zstd",), Packing("zstd", 1)),
        ("zstd", 19, ("zstd",), Packing("zstd", 19)),
        ("pigz", None, ("zstd", "pigz"), Packing("pigz", 1)),
        ("gzip", 9, ("zstd", "gzip"), Packing("gzip", 9)),
        ("none", None, ("zstd",), Packing("none", 0)),
        # A level for whatever the host has says nothing where it has nothing.
        ("auto", 9, (), Packing("none", 9)),
    ],
)
def test_what_is_wanted_and_there_is_chosen(
    compress: str, level: int | None, installed: Sequence[str], expected: Packing
) -> None:
    assert choose_packing(compress, level, [], host(*installed)) == expected


@pytest.mark.parametrize(
    ("compress", "level", "installed", "problem"),
    [
        ("zstd", 20, ("zstd",), "compress_level: zstd takes 1 to 19."),
        ("auto", 0, ("zstd",), "compress_level: zstd takes 1 to 19."),
        ("pigz", 10, ("pigz",), "compress_level: pigz takes 1 to 9."),
        ("gzip", -1, ("gzip",), "compress_level: gzip takes 1 to 9."),
        (
            "zstd",
            None,
            ("gzip",),
            "compress: zstd is not installed on this host: install it, or leave compress at auto.",
        ),
    ],
)
def test_what_cannot_be_had_is_told(compress: str, level: int | None, installed: Sequence[str], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose_packing(compress, level, [], host(*installed))
    assert caught.value.details == {"problems": [problem]}


@pytest.mark.parametrize(
    "recipient",
    [
        AGE,
        SSH,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDb1+/== Zoë",
    ],
)
def test_recipients_are_public_keys(recipient: str) -> None:
    assert choose_packing("none", None, [recipient], EVERYTHING) == Packing("none", 0, (recipient,))


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "-",
        "--output=/etc/passwd",
        f"-{AGE}",
        f" {AGE}",
        f"{AGE} ",
        f"{AGE}\n",
        f"{AGE}\n--output",
        f"{AGE}\0",
        f"{AGE},{AGE}",
        AGE.upper(),
        "age1short",
        f"{SSH}\n{SSH}",
        f"{SSH}\0",
        f"{SSH}\x7f",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-ed25519 -i",
        "ssh-dss AAAAB3NzaC1kc3MAAACB",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNh",
        IDENTITY,
        "/root/.ssh/id_ed25519.pub",
    ],
)
def test_what_is_no_public_key_is_told_and_not_repeated(recipient: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        choose_packing("none", None, [AGE, recipient], EVERYTHING)
    problem = "encrypt_to: recipient 2 is no public key of age (age1…) or SSH (ssh-ed25519 …, ssh-rsa …)."
    assert caught.value.details == {"problems": [problem]}


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        choose_packing("pigz", 12, ["me", AGE, "you"], host())
    assert caught.value.message.startswith("The backup: 5 problems, nothing was changed. ")
    assert caught.value.details == {
        "problems": [
            "encrypt_to: recipient 1 is no public key of age (age1…) or SSH (ssh-ed25519 …, ssh-rsa …).",
            "encrypt_to: recipient 3 is no public key of age (age1…) or SSH (ssh-ed25519 …, ssh-rsa …).",
            "compress_level: pigz takes 1 to 9.",
            "compress: pigz is not installed on this host: install it, or leave compress at auto.",
            "encrypt_to: age is not installed on this host: install the package age.",
        ]
    }


@pytest.mark.parametrize(
    ("packing", "compression", "suffix", "programs"),
    [
        (Packing("zstd", 3), "zstd", ".zst", [("zstd", "-T0", "-3", "-c")]),
        (Packing("pigz", 1), "gzip", ".gz", [("pigz", "-1", "-c")]),
        (Packing("gzip", 9), "gzip", ".gz", [("gzip", "-9", "-c")]),
        (Packing("none", 0), "none", "", []),
        (
            Packing("zstd", 19, (AGE, SSH)),
            "zstd",
            ".zst.age",
            [("zstd", "-T0", "-19", "-c"), ("age", "--encrypt", "--recipient", AGE, "--recipient", SSH)],
        ),
        (Packing("none", 0, (AGE,)), "none", ".age", [("age", "--encrypt", "--recipient", AGE)]),
    ],
)
def test_how_a_dump_is_packed(
    packing: Packing, compression: str, suffix: str, programs: Sequence[tuple[str, ...]]
) -> None:
    assert packing.compression == compression
    assert packing.suffix == suffix
    assert packing.stages() == [Stage(program) for program in programs]


DECRYPT = Stage(("age", "--decrypt", "--identity", FILE), file=IDENTITY)


@pytest.mark.parametrize(
    ("compression", "identity", "installed", "expected"),
    [
        ("zstd", None, ("zstd",), [Stage(("zstd", "-d", "-c"))]),
        ("gzip", None, ("pigz", "gzip"), [Stage(("pigz", "-d", "-c"))]),
        ("gzip", None, ("gzip",), [Stage(("gzip", "-d", "-c"))]),
        ("none", None, (), []),
        ("none", IDENTITY, ("age",), [DECRYPT]),
        ("zstd", IDENTITY, ("age", "zstd"), [DECRYPT, Stage(("zstd", "-d", "-c"))]),
    ],
)
def test_how_it_is_unpacked(
    compression: str, identity: str | None, installed: Sequence[str], expected: Sequence[Stage]
) -> None:
    assert unpacking(compression, identity, host(*installed)) == expected


@pytest.mark.parametrize(("compression", "installed"), [("zstd", ("pigz", "gzip")), ("gzip", ("zstd",)), ("xz", ())])
def test_what_nothing_here_unpacks_is_told(compression: str, installed: Sequence[str]) -> None:
    with pytest.raises(BackupError) as caught:
        unpacking(compression, None, host(*installed))
    assert caught.value.message == (
        f"The backup is compressed with {compression}, which is not installed on this host."
    )


CONTENT = b"INSERT INTO t VALUES (1);\n" * 50_000 + bytes(range(256)) * 4000


GZIPS = ("pigz", "gzip")


@pytest.mark.parametrize(
    ("tool", "level", "unpacker"),
    [
        ("zstd", 1, "zstd"),
        ("zstd", 19, "zstd"),
        *((tool, level, unpacker) for tool in GZIPS for level in (1, 9) for unpacker in GZIPS),
    ],
)
def test_what_was_packed_can_be_unpacked(tmp_path: Path, tool: str, level: int, unpacker: str) -> None:
    packing = Packing(tool, level)
    for program in (tool, unpacker):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    (tmp_path / "plain").write_bytes(CONTENT)

    went_in = HostPipes().save(packing.stages(), str(tmp_path / "packed"), stdin=str(tmp_path / "plain"))
    read, came_out = HostPipes().load(str(tmp_path / "packed"), unpacking(packing.compression, None, host(unpacker)))

    assert read == went_in
    assert read.size < len(CONTENT) / 10
    assert came_out == Flow(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("tool", ["zstd", "pigz", "gzip"])
def test_what_is_damaged_is_told_in_the_words_of_the_program(tmp_path: Path, tool: str) -> None:
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    packing = Packing(tool, 1)
    (tmp_path / "plain").write_bytes(CONTENT)
    HostPipes().save(packing.stages(), str(tmp_path / "packed"), stdin=str(tmp_path / "plain"))
    (tmp_path / "packed").write_bytes((tmp_path / "packed").read_bytes()[:-20])

    with pytest.raises(CommandError) as caught:
        HostPipes().load(str(tmp_path / "packed"), unpacking(packing.compression, None, host(tool)))

    assert caught.value.message.startswith(f"{tool} ended with exit code 1: ")
    assert "it said nothing" not in caught.value.message


KEYGEN = f"# created: 2026-11-21T09:14:17Z\n# public key: {AGE}\n{IDENTITY}\n"


def test_the_key_that_age_prints() -> None:
    assert parse_key(KEYGEN) == Key(AGE, f"{IDENTITY}\n")


def test_a_key_is_not_shown() -> None:
    assert IDENTITY not in repr(parse_key(KEYGEN))


@pytest.mark.parametrize("told", ["", f"# public key: {AGE}\n", f"{IDENTITY}\n", f"public key: {AGE}\nx{IDENTITY}\n"])
def test_a_key_that_is_not_understood_is_not_repeated(told: str) -> None:
    with pytest.raises(BackupError) as caught:
        parse_key(told)
    assert caught.value.message == "age-keygen made a key that is not understood: update age."
