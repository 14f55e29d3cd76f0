# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of applications put in place, exchanged and removed, on a host where nginx runs or not."""

from __future__ import annotations

import pytest

from tests.integration.nginx.serving import DIRECTORY, GIXY, Site, difference, site, warnings

PLACE = f"{DIRECTORY}/applications"


@pytest.fixture
def fresh(nginx_site: Site) -> Site:
    """nginx without any application."""
    nginx_site.reset()
    return nginx_site


def test_application_is_served_and_a_second_run_changes_nothing(fresh: Site) -> None:
    first = fresh.put(files=site("v1"))

    assert (first["changed"], first["reloaded"], first["running"]) == (True, True, True)
    assert first["files"]["added"] == ["applications/one/generation.conf", "applications/one/site.conf"]
    assert fresh.served("one") == "v1"
    assert fresh.generation("one") == f"one {first['generation']}\n"
    assert fresh.shell(f"readlink {PLACE}/one").strip() == f".one.{first['generation']}"
    assert fresh.shell(f"stat -c %a {PLACE}/one/ {PLACE}/one/site.conf").split() == ["700", "600"]

    before, workers = fresh.seen(), fresh.workers()
    second = fresh.put(files=site("v1"))

    assert (second["changed"], second["reloaded"], second["generation"]) == (False, False, first["generation"])
    assert "diff" not in second
    assert (fresh.seen(), fresh.workers()) == (before, workers)


def test_new_files_take_the_place_of_all_old_ones(fresh: Site) -> None:
    snippets = {"snippets/answer.conf": "return 200 from-a-snippet;\n", "traffic.json": "{}\n"}
    fresh.put(files={**site("v1"), "old.conf": "# old\n"})

    result = fresh.put(files={**site("v2", inner="include applications/one/snippets/answer.conf;"), **snippets})

    assert fresh.served("one") == "from-a-snippet"
    assert result["files"] == {
        "added": ["applications/one/snippets/answer.conf", "applications/one/traffic.json"],
        "changed": ["applications/one/generation.conf", "applications/one/site.conf"],
        "removed": ["applications/one/old.conf"],
    }
    assert [one["before_header"] for one in result["diff"]] == sorted(
        f"{DIRECTORY}/{path}" for paths in result["files"].values() for path in paths
    )
    assert sorted(fresh.shell(f"cd {PLACE}; find . -type f; ls -A").split()) == sorted(
        [
            *("one", f".one.{result['generation']}"),
            *(
                f"./.one.{result['generation']}/{path}"
                for path in ("generation.conf", "site.conf", "snippets/answer.conf", "traffic.json")
            ),
        ]
    )


def test_check_mode_foretells_the_same_and_changes_nothing(fresh: Site) -> None:
    fresh.put(files=site("v1"))
    log = "/var/log/nginx/new.log"
    wanted = site("v2", inner=f"access_log {log};\nproxy_temp_path /var/lib/nginx/new;")
    before, workers = fresh.seen(), fresh.workers()

    foretold = fresh.put(files=wanted, check=True)

    assert difference(before, fresh.seen()) == []
    assert fresh.workers() == workers
    assert fresh.served("one") == "v1"
    assert fresh.put(files=wanted) == foretold | {"invocation": foretold["invocation"]}
    assert fresh.served("one") == "v2"
    assert log in fresh.seen()


def test_removing_one_application_leaves_the_other_as_it_was(fresh: Site) -> None:
    fresh.put(files=site("v1"))
    fresh.put("two", files=site("w1", name="two"))
    look = f"cd {PLACE}; find two .two.* -printf '%p %i %m %T@ %l\\n'; cat two/*"
    other = fresh.shell(look)

    foretold = fresh.put(state="absent", check=True)
    assert fresh.served("one") == "v1"
    removed = fresh.put(state="absent")

    assert (removed["changed"], removed["reloaded"], removed["generation"]) == (True, True, None)
    assert (removed["files"], removed["diff"]) == (foretold["files"], foretold["diff"])
    assert fresh.shell(look) == other
    assert fresh.shell(f"ls -A {PLACE}").split() == ["two", *fresh.shell(f"cd {PLACE}; ls -d .two.*").split()][::-1]
    assert fresh.served("two") == "w1"
    assert fresh.served("one") not in ("v1", "w1")
    assert fresh.put(state="absent")["changed"] is False


def test_name_that_is_not_there_is_absent_already(fresh: Site) -> None:
    before, workers = fresh.seen(), fresh.workers()

    assert fresh.put("nobody", state="absent")["changed"] is False
    assert (fresh.seen(), fresh.workers()) == (before, workers)


def test_file_edited_by_hand_is_put_back(fresh: Site) -> None:
    made = fresh.put(files=site("v1"))
    fresh.shell(f"sed -i s/v1/edited/ {PLACE}/one/site.conf; systemctl reload nginx")
    workers = fresh.workers()

    result = fresh.put(files=site("v1"))

    assert result["files"]["changed"] == ["applications/one/site.conf"]
    assert "return 200 edited;" in result["diff"][0]["before"]
    assert "return 200 v1;" in result["diff"][0]["after"]
    assert result["generation"] == made["generation"]
    assert fresh.served("one") == "v1"
    assert set(fresh.workers()).isdisjoint(workers)
    assert len(fresh.shell(f"ls -A {PLACE}").split()) == 2
    assert fresh.put(files=site("v1"))["changed"] is False


def test_run_killed_before_the_reload_is_finished_by_the_next(fresh: Site) -> None:
    fresh.put(files=site("v1"))

    assert fresh.with_fault("os.kill(os.getpid(), signal.SIGKILL)", files=site("v2")) is None
    assert fresh.served("one") == "v1"
    assert "v2" in fresh.shell(f"cat {PLACE}/one/site.conf")

    foretold = fresh.put(files=site("v2"), check=True)
    finished = fresh.put(files=site("v2"))

    assert (finished["changed"], finished["reloaded"]) == (True, True)
    assert finished["files"] == {"added": [], "changed": [], "removed": []}
    assert finished["diff"] == foretold["diff"]
    assert fresh.served("one") == "v2"
    assert len(fresh.shell(f"ls -A {PLACE}").split()) == 2
    assert fresh.put(files=site("v2"))["changed"] is False


def test_removal_killed_before_the_reload_is_finished_by_the_next(fresh: Site) -> None:
    fresh.put("two", files=site("w1", name="two"))
    fresh.put(files=site("v1"))

    assert fresh.with_fault("os.kill(os.getpid(), signal.SIGKILL)", state="absent") is None
    assert fresh.served("one") == "v1"

    assert fresh.put(state="absent")["reloaded"] is True
    assert fresh.served("one") != "v1"
    assert len(fresh.shell(f"ls -A {PLACE}").split()) == 2


def test_nginx_that_does_not_run_is_not_started_and_serves_once_it_is(fresh: Site) -> None:
    fresh.shell("systemctl stop nginx")

    result = fresh.put(files=site("v1"))

    assert (result["changed"], result["reloaded"], result["running"]) == (True, False, False)
    assert fresh.master() == ""
    assert fresh.shell("ls /run/nginx.pid 2>/dev/null || true") == ""
    assert fresh.put(files=site("v1"))["changed"] is False

    fresh.shell("systemctl start nginx")
    assert fresh.served("one") == "v1"
    assert fresh.put(files=site("v1"))["changed"] is False


@pytest.mark.parametrize("pid_file", ["stays", "is removed", "is another's"])
def test_nginx_started_by_hand_is_reloaded(fresh: Site, pid_file: str) -> None:
    fresh.shell("systemctl stop nginx; nginx")
    master = fresh.master()
    fresh.shell(
        {"stays": "true", "is removed": "rm /run/nginx.pid", "is another's": "echo 1 > /run/nginx.pid"}[pid_file]
    )

    assert fresh.put(files=site("v1"))["reloaded"] is True

    assert (fresh.master(), fresh.served("one")) == (master, "v1")


def test_pid_file_is_found_where_nginx_was_built_to_have_it(fresh: Site) -> None:
    fresh.shell("sed -i '/^pid /d; s#^error_log.*#error_log stderr;#' /etc/nginx/nginx.conf; systemctl restart nginx")

    assert fresh.put(files=site("v1"))["reloaded"] is True

    assert fresh.served("one") == "v1"


def test_main_configuration_is_exchanged_and_its_original_kept_once(fresh: Site) -> None:
    original = fresh.shell("cat /etc/nginx/nginx.conf")
    # Without the applications' line there is nothing to prove the rest with.
    refused = fresh.call("main", main=original.replace("include applications", "# include applications"))
    assert "add the line `include applications/*/*.conf;`" in refused["msg"]

    made = fresh.put("main", main=original.replace("http {", "http {\n\tkeepalive_timeout 7;", 1))
    assert made["files"]["changed"] == ["nginx.conf"]
    again = fresh.put("main", main=original.replace("http {", "http {\n\tkeepalive_timeout 8;", 1))

    assert again["files"]["changed"] == ["applications/main/generation.conf", "nginx.conf"]
    assert "keepalive_timeout 8;" in fresh.shell("cat /etc/nginx/nginx.conf")
    assert fresh.shell("cat /etc/nginx/nginx.conf.original") == original
    assert fresh.shell("stat -c %a /etc/nginx/nginx.conf").strip() == "644"
    assert fresh.generation("main") == f"main {again['generation']}\n"


def test_foreign_files_under_the_name_are_refused(fresh: Site) -> None:
    fresh.shell(f"mkdir -p {PLACE}/one; echo '# mine' > {PLACE}/one/own.conf")
    before = fresh.seen()

    assert "move it away" in fresh.call(files=site("v1"))["msg"]

    assert fresh.seen() == before


def test_warnings_of_nginx_are_told_if_they_are_new(fresh: Site) -> None:
    result = fresh.put(
        files={**site("v1"), "a.conf": "server { listen 80; server_name a.test; gzip_types text/html; }"}
    )
    assert warnings(result) == [f'{PLACE}/one/a.conf:1: duplicate MIME type "text/html"']

    fresh.put("two", files=site("w1", name="two"))
    assert warnings(fresh.put("two", files=site("w2", name="two"))) == []


def test_gixy_refuses_what_it_finds_in_files_of_the_application(fresh: Site) -> None:
    fresh.shell("rm -f /usr/local/bin/gixy")
    assert "gixy is not installed on this host" in fresh.call(files=site("v1"), gixy=True)["msg"]
    fresh.shell(
        f"printf '#!/bin/sh\\nPYTHONPATH=%s exec python3 -m gixy \"$@\"\\n' {GIXY}/*/site-packages"
        " > /usr/local/bin/gixy; chmod 755 /usr/local/bin/gixy"
    )
    before = fresh.seen()

    bad = site("v1", inner="location /x { proxy_pass http://$arg_to; }")
    refused = fresh.call(files=bad, gixy=True)

    assert f"{PLACE}/one/site.conf:4: Possible SSRF" in refused["msg"]
    assert {"gixy high"} == {one["severity"] for one in refused["problems"]}
    assert fresh.seen() == before
    fine = fresh.put(files=site("v1", inner="server_tokens off;"), gixy=True)
    assert any(f"{DIRECTORY}/nginx.conf:" in warning for warning in warnings(fine))
    assert fresh.served("one") == "v1"
