# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import (
    Change,
    read_configuration,
    staged,
)

N = "/etc/nginx"
ONE = f"{N}/applications/one"
MAIN = b"pid /run/nginx.pid; http { include applications/*/*.conf; include /etc/nginx/sites-enabled/*; }"


class Tree(dict[str, bytes]):
    """Files of a host, by their absolute paths."""

    def matching(self, pattern: str) -> Mapping[str, bytes]:
        return {path: text for path, text in self.items() if fnmatchcase(path, pattern)}


def test_what_is_included_is_read_and_nothing_else() -> None:
    tree = Tree(
        {
            f"{N}/nginx.conf": MAIN,
            f"{N}/sites-enabled/default": b"include snippets/a.conf;",
            f"{N}/snippets/a.conf": b"include nginx.conf; a;",
            f"{N}/snippets/b.conf": b"b;",
            f"{ONE}/site.conf": b"c;",
        }
    )

    read = read_configuration(N, tree.matching)

    assert sorted(read.texts) == [
        f"{ONE}/site.conf",
        f"{N}/nginx.conf",
        f"{N}/sites-enabled/default",
        f"{N}/snippets/a.conf",
    ]
    assert [one.name for one in read.directives if one.name in "abc"] == ["c", "a"]


def test_change_takes_the_place_of_all_the_files_of_the_application() -> None:
    tree = Tree({f"{N}/nginx.conf": MAIN, f"{ONE}/old.conf": b"old;", f"{N}/applications/one-more/a.conf": b"more;"})
    files = {
        f"{ONE}/{name}": f"{index};".encode()
        for index, name in enumerate(("a.conf", ".b.conf", "c/d.conf", "e.conf/f.conf"))
    }

    read = read_configuration(N, tree.matching, Change(files, replaced=ONE))

    assert sorted(read.texts) == [f"{N}/applications/one-more/a.conf", f"{ONE}/a.conf", f"{N}/nginx.conf"]


def test_main_file_can_be_changed_too() -> None:
    tree = Tree({f"{N}/nginx.conf": b"old;"})

    read = read_configuration(N, tree.matching, Change({f"{N}/nginx.conf": b"new;"}))

    assert [one.name for one in read.directives] == ["new"]


def test_stage_has_of_its_own_only_what_leads_back_into_the_directory() -> None:
    tree = Tree(
        {
            f"{N}/nginx.conf": MAIN,
            f"{N}/sites-enabled/default": b'root /opt/etc/nginx/x; a "/etc/nginx"; b unix:/etc/nginx/s; c /etc/nginx2;',
            f"{N}/sites-enabled/plain": b"root html;",
        }
    )
    change = Change({f"{ONE}/site.conf": b"include /etc/nginx/a;\xff", f"{ONE}/data": b"/etc/nginx/"}, replaced=ONE)

    own = staged(read_configuration(N, tree.matching, change), "/run/stage", change)

    assert own == {
        "nginx.conf": b"pid /run/stage/nginx.pid; http { include applications/*/*.conf; include"
        b" /run/stage/sites-enabled/*; }",
        "sites-enabled/default": b'root /opt/etc/nginx/x; a "/run/stage"; b unix:/run/stage/s; c /etc/nginx2;',
        "applications/one/site.conf": b"include /run/stage/a;\xff",
        # Not read by nginx as configuration.
        "applications/one/data": b"/etc/nginx/",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"pid /a;", ["/a"]),
        (b"http { pid /a; }", []),
        (b"", []),
    ],
)
def test_pid_is_that_of_the_main_block(text: bytes, expected: list[str]) -> None:
    pid = read_configuration(N, Tree({f"{N}/nginx.conf": text}).matching).pid()

    assert [word.text for word in pid.arguments] == expected if pid else not expected


def test_what_a_test_makes_is_known() -> None:
    text = b"error_log /l/e; http { access_log /l/a main; access_log /l/$host; access_log off; error_log stderr;"
    more = b"proxy_cache_path /c keys_zone=a:1m; client_body_temp_path /t; root /r; error_log /l/e; }"

    read = read_configuration(N, Tree({f"{N}/nginx.conf": text + more}).matching)

    assert read.made_by_a_test() == ["/l/e", "/l/a", "/c", "/t"]
    assert read.error_logs() == ["/l/e"]
