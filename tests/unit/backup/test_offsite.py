# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.catalogue import Catalogue
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.offsite import Offsite, refuse_unfit
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, CommandError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed
from tests.unit.backup.test_plan import backup

RCLONE = ("rclone", "--ask-password=false")


@dataclass
class Answers:
    """Programs that answer what the test says, by the word after rclone's own options."""

    answers: Mapping[str, tuple[int, str, str]]
    asked: list[tuple[str, ...]] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: str = "",
        timeout: float | None = None,
        file: str | None = None,
        is_clean: bool = False,
    ) -> Completed:
        self.asked.append(tuple(argv))
        self.timeouts.append(timeout)
        word = next(word for word in argv if word in ("lsjson", "copyto", "hashsum"))
        return Completed(tuple(argv), *self.answers.get(word, (0, "", "")))

    def find(self, *programs: str) -> str | None:
        return programs[0]


def listing(*files: tuple[str, int]) -> tuple[int, str, str]:
    return 0, json.dumps([{"Path": name, "Name": name, "Size": size} for name, size in files]), ""


def whole(*backups: Manifest) -> list[tuple[str, int]]:
    return [file for one in backups for file in ((one.file, one.bytes), (f"{one.id}.manifest.json", 900))]


OLD, NEW = backup(2), backup(1)


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (listing(), [OLD, NEW]),
        ((3, "", "directory not found"), [OLD, NEW]),
        (listing(*whole(OLD, NEW), ("notes.txt", 5)), []),
        (listing(*whole(OLD)), [NEW]),
        (listing(*whole(OLD, NEW)[1:]), [OLD]),
        (listing(*whole(OLD, NEW)[:-1]), [NEW]),
        (listing((OLD.file, 99), *whole(OLD, NEW)[1:]), [OLD]),
    ],
)
def test_missing_is_what_is_not_there_whole_with_its_manifest(
    there: tuple[int, str, str], missing: list[Manifest]
) -> None:
    commands = Answers({"lsjson": there})

    assert Offsite("offsite:shop", commands, timeout=7).missing([NEW, OLD]) == missing
    assert commands.asked == [(*RCLONE, "lsjson", "--files-only", "--no-modtime", "--no-mimetype", "offsite:shop")]
    assert commands.timeouts == [7]


def test_a_listing_that_fails_is_no_empty_one() -> None:
    commands = Answers({"lsjson": (1, "", "didn't find section in config file\n")})

    with pytest.raises(CommandError) as caught:
        Offsite("offsite:shop", commands).missing([NEW])

    assert caught.value.message == (
        "The listing of offsite:shop failed: rclone ended with exit code 1: didn't find section in config file"
    )


@pytest.mark.parametrize("text", ["", "[", "{}x", '[{"Name": "a"}]', "[1]", "5"])
def test_a_listing_that_is_none_is_told(text: str) -> None:
    with pytest.raises(BackupError, match=r"The listing of offsite:shop is not understood"):
        Offsite("offsite:shop", Answers({"lsjson": (0, text, "")})).missing([NEW])


@pytest.mark.parametrize(
    ("remote", "at"),
    [
        ("offsite:", "offsite:"),
        ("offsite:shop", "offsite:shop/"),
        ("offsite:shop/", "offsite:shop/"),
        ("/mnt/nas", "/mnt/nas/"),
    ],
)
def test_the_manifest_is_sent_after_what_arrived_was_looked_at(remote: str, at: str) -> None:
    commands = Answers({"hashsum": (0, f"{NEW.sha256}  {NEW.file}\n", "")})

    Offsite(remote, commands, config="/etc/rclone.conf", timeout=7).send(Catalogue("/b"), NEW)

    rclone = ("rclone", "--config", "/etc/rclone.conf", "--ask-password=false")
    manifest = f"{NEW.id}.manifest.json"
    assert commands.asked == [
        (*rclone, "copyto", "--ignore-times", f"/b/{NEW.file}", f"{at}{NEW.file}"),
        (*rclone, "hashsum", "sha256", "--download", f"{at}{NEW.file}"),
        (*rclone, "copyto", "--ignore-times", f"/b/{manifest}", f"{at}{manifest}"),
    ]
    assert commands.timeouts == [7, 7, 7]


@pytest.mark.parametrize("told", ["", "\n", f"{'1' * 64}  {NEW.file}\n", f"{NEW.sha256[:-1]}  x\n", "UNSUPPORTED  x"])
def test_no_manifest_is_sent_for_what_arrived_otherwise(told: str) -> None:
    commands = Answers({"hashsum": (0, told, "")})

    with pytest.raises(BackupError) as caught:
        Offsite("offsite:shop", commands).send(Catalogue("/b"), NEW)

    assert caught.value.message == (
        f"{NEW.file} arrived at offsite:shop with another SHA-256: the backup here is whole, the copy there is not."
        " Look at the remote, and run this again."
    )
    assert len(commands.asked) == 2


@pytest.mark.parametrize(("word", "what"), [("copyto", "The copy of"), ("hashsum", "The check of")])
def test_what_rclone_says_is_told(word: str, what: str) -> None:
    with pytest.raises(CommandError) as caught:
        Offsite("offsite:shop", Answers({word: (5, "", "NOTICE: trying\nout of space\n")})).send(Catalogue("/b"), NEW)

    assert caught.value.message.startswith(f"{what} {NEW.file} ")
    assert caught.value.message.endswith("offsite:shop failed: rclone ended with exit code 5: out of space")


@pytest.mark.parametrize(
    "remote", ["offsite:", "offsite:shop", "off_site-1.x @+:a b/c,d", "s3:bucket/path:x", "/mnt/nas", "1drive:x"]
)
def test_a_remote_of_the_configuration_is_fit(remote: str) -> None:
    refuse_unfit(remote)


@pytest.mark.parametrize(
    "remote",
    [
        *(":s3,access_key_id=abc,secret_access_key=s3cret:bucket", "offsite,secret=s3cret:bucket", ":sftp:x"),
        *("https://user:s3cret@example.com/x", "--config=s3cret", "-v:x", "", "shop", "./shop", "~/shop", "a\nb:c"),
        *("offsite:a\nb", "offsite:a\0b", " offsite:x", "offsite,s3cret='a:b':x"),
    ],
)
def test_what_can_hold_a_secret_is_refused(remote: str) -> None:
    with pytest.raises(InvalidInput, match="copy_to is no remote of rclone's configuration and path") as caught:
        refuse_unfit(remote)

    assert "s3cret" not in caught.value.message
