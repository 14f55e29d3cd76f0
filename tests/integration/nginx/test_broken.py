# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is wrong, nginx serves what it served before, every byte is as it was, and the message says where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.nginx.serving import DIRECTORY, Site, difference, site, until

PLACE = f"{DIRECTORY}/applications"
SITE = f"{PLACE}/one/site.conf"

CERTIFICATES = """
cd /root; test -f a.key || for name in a b; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $name.key -out $name.crt -subj /CN=$name -days 2 2>/dev/null
done
"""

TLS = "listen 443 ssl; ssl_certificate {}; ssl_certificate_key {};"


@pytest.fixture(scope="module")
def serving(nginx_site: Site) -> Site:
    """nginx with two applications, which every broken input has to leave as they are."""
    nginx_site.reset()
    nginx_site.shell(CERTIFICATES)
    nginx_site.put("two", files=site("w1", name="two"))
    nginx_site.put(files=site("v1"))
    return nginx_site


def assert_as_before(serving: Site, before: dict[str, Any]) -> None:
    """Both applications are served, and not one byte is another."""
    assert difference(before, serving.seen()) == []
    assert (serving.served("one"), serving.served("two")) == ("v1", "w1")


@pytest.mark.parametrize(
    ("inner", "line", "said"),
    [
        pytest.param("listen 81 server_name x;", 4, 'invalid parameter "server_name"', id="syntax"),
        pytest.param("location / {", 7, 'unexpected end of file, expecting "}"', id="open block"),
        pytest.param("listn 81;", 4, 'unknown directive "listn"', id="unknown directive"),
        pytest.param("gzip on; gzip off;", 4, '"gzip" directive is duplicate', id="duplicate directive"),
        pytest.param(
            "\n\n  server_name x\n  two.test;", 7, 'conflicting server name "two.test" on 0.0.0.0:80', id="server"
        ),
        pytest.param(TLS.format("/root/none.crt", "/root/a.key"), 4, '"/root/none.crt"', id="missing certificate"),
        pytest.param(TLS.format("/root/a.crt", "\n rel.key"), 5, f'"{DIRECTORY}/rel.key"', id="missing key"),
        pytest.param(TLS.format("/root/a.crt", "/root/b.key"), 4, "key values mismatch", id="key mismatch"),
        pytest.param(TLS.format("/etc/hostname", "/root/a.key"), 4, "no start line", id="no certificate"),
        pytest.param("include snippets/none.conf;", 4, f'open() "{DIRECTORY}/snippets/none.conf" failed', id="include"),
        pytest.param(
            f"include {DIRECTORY}/none.conf;", 4, f'open() "{DIRECTORY}/none.conf" failed', id="absolute include"
        ),
        pytest.param(
            "listen 81 default_server; }\nserver { listen 81 default_server; server_name y.test;",
            5,
            "a duplicate default server for 0.0.0.0:81",
            id="default server",
        ),
        pytest.param(
            "location /a { proxy_pass http://nowhere.invalid; }", 4, "host not found in upstream", id="upstream"
        ),
        pytest.param("\nset $a 1;\nset $b $nothing;", 6, 'unknown "nothing" variable', id="variable"),
        pytest.param("limit_req zone=none;", 4, 'zero size shared memory zone "none"', id="zone"),
        pytest.param("access_log\n/none/a.log;", 5, 'open() "/none/a.log" failed', id="log"),
        pytest.param("listen 10.9.8.7:82;", 4, "bind() to 10.9.8.7:82 failed (99", id="foreign address"),
        pytest.param('location ~ "(" { }', 4, "missing closing parenthesis", id="expression"),
    ],
)
def test_broken_file_is_refused_before_anything_is_written(serving: Site, inner: str, line: int, said: str) -> None:
    before, workers = serving.seen(), serving.workers()
    broken = {**site("v2", inner=inner), "a.conf": "# another file comes first\n"}

    foretold = serving.call(files=broken, check=True)
    result = serving.call(files=broken)

    assert result["failed"]
    assert f"{SITE}:{line}: " in result["msg"]
    assert said in result["msg"]
    assert "nothing was changed" in result["msg"]
    assert (result["problems"][0]["file"], result["problems"][0]["line"]) == (SITE, line)
    assert result["restored"] is False
    assert (foretold["msg"], foretold["problems"]) == (result["msg"], result["problems"])
    assert_as_before(serving, before)
    assert serving.workers() == workers


def test_broken_file_of_another_is_reported_as_such(serving: Site) -> None:
    for path, content in (
        (f"{DIRECTORY}/conf.d/other.conf", "\nserver { listn 80; }"),
        (
            f"{PLACE}/two/other.conf",
            "\nserver { listen 443 ssl; ssl_certificate /root/none.crt; ssl_certificate_key x; }",
        ),
    ):
        serving.shell(f"printf '{content}' > {path}")
        before = serving.seen()

        try:
            for files in (site("v2"), site("v2", inner="listn 81;")):
                result = serving.call(files=files)

                assert f"was broken already by {path}:2, not by one: " in result["msg"]
                assert "nothing was written" in result["msg"]
                assert_as_before(serving, before)
        finally:
            serving.shell(f"rm {path}")


def test_own_file_broken_by_hand_is_put_right(serving: Site) -> None:
    before = serving.seen()
    serving.shell(f"echo 'listn 81;' >> {SITE}")

    assert serving.put(files=site("v1"))["changed"] is True

    assert serving.seen()[f"{PLACE}/two"] == before[f"{PLACE}/two"]
    assert serving.served("one") == "v1"


def test_port_in_use_is_found_at_the_reload_and_all_is_taken_back(serving: Site) -> None:
    serving.shell(
        '(exec -a holder python3 -c \'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 9000));'
        ' s.listen(); open("/root/held", "w"); time.sleep(60)\') > /dev/null 2>&1 & echo $! > /root/holder'
    )
    assert until(lambda: serving.shell("ls /root").split().count("held") == 1)
    before, workers = serving.seen(), serving.workers()
    try:
        result = serving.call(files=site("v2", inner="listen 127.0.0.1:9000;"))
    finally:
        serving.shell("kill $(cat /root/holder); rm /root/held")

    assert f"{SITE}:4: bind() to 127.0.0.1:9000 failed (98: Address already in use)" in result["msg"]
    assert [(one["file"], one["line"]) for one in result["problems"]] == [(SITE, 4)]
    assert result["restored"] is True
    assert_as_before(serving, before)
    # It never left its workers, so that no connection was lost.
    assert serving.workers() == workers


@pytest.mark.parametrize("by_hand", [False, True], ids=["systemd", "by hand"])
def test_nginx_that_dies_while_it_reads_is_brought_back_as_it_was(serving: Site, by_hand: bool) -> None:
    serving.shell("systemctl stop nginx; nginx" if by_hand else "systemctl restart nginx")
    before, master = serving.seen(), serving.master()

    result = serving.with_fault(
        "return [send(self, process, number), os.kill(process.pid, signal.SIGKILL)][0]", files=site("v2")
    )

    assert result is not None
    assert "nginx died while it was reading its configuration." in result["msg"]
    assert result["restored"] is True
    assert_as_before(serving, before)
    assert serving.master() not in ("", master)
    parents = serving.shell("pgrep -f '^nginx: worker process' | xargs -n1 ps -o ppid= -p").split()
    assert set(parents) == {serving.master()}
    assert serving.shell("systemctl is-active nginx || true").strip() == ("inactive" if by_hand else "active")
    if by_hand:
        # One that is still leaving would remove the file with the number of the next.
        old = serving.master()
        gone = f"while kill -0 {old} 2> /dev/null; do sleep 0.05; done"
        serving.shell(f"kill -QUIT {old}; {gone}; systemctl restart nginx")


@pytest.mark.parametrize(
    "moment", ["os.kill(os.getpid(), 15)", "send(self, process, number); os.kill(os.getpid(), 15)"]
)
def test_interrupted_run_takes_everything_back(serving: Site, moment: str) -> None:
    before = serving.seen()

    result = serving.with_fault(moment, files=site("v2"))

    assert result is not None
    assert "Stopped by SIGTERM" in result["msg"]
    assert result["restored"] is True
    assert_as_before(serving, before)
    assert serving.put(files=site("v1"))["changed"] is False


def test_removal_that_cannot_be_proved_is_taken_back(serving: Site) -> None:
    before = serving.seen()

    result = serving.with_fault("return True", state="absent", timeout=1)

    assert result is not None
    assert "did not answer with new workers alone on 127.0.0.1:8099 within 1 s" in result["msg"]
    assert result["restored"] is True
    assert_as_before(serving, before)


def test_main_configuration_is_put_back(serving: Site) -> None:
    before = serving.seen()
    main = serving.shell("cat /etc/nginx/nginx.conf")

    refused = serving.call("main", main=main.replace("http {", "http {\n\tnonsense on;", 1))
    died = serving.with_fault(
        "return [send(self, process, number), os.kill(process.pid, signal.SIGKILL)][0]",
        "main",
        main=main.replace("http {", "http {\n\tkeepalive_timeout 7;", 1),
    )

    assert f"{DIRECTORY}/nginx.conf:" in refused["msg"]
    assert died is not None
    assert died["restored"] is True
    assert_as_before(serving, before)


def test_disk_that_fills_up_while_files_are_written(serving: Site) -> None:
    # Another nginx with a configuration of its own, in a place that is small.
    serving.shell(
        f"""
        mkdir -p /small/nginx; cp -a {DIRECTORY}/mime.types /small/nginx/
        echo 'pid /small/nginx/own.pid; error_log /small/nginx/error.log; events {{}}
            http {{ access_log off; include applications/*/*.conf; }}' > /small/nginx/nginx.conf
        nginx -c /small/nginx/nginx.conf
        """
    )
    small: dict[str, Any] = {"directory": "/small/nginx", "status_port": 8098}
    first = {"site.conf": "server { listen 8081; return 200 v1; }"}
    assert serving.put(files=first, **small)["reloaded"] is True
    before, workers = serving.seen("/small"), serving.workers()

    result = serving.call(files={**first, "a/large.conf": "#" * 2**21}, diff=False, **small)

    assert "/small/nginx/applications/.one." in result["msg"]
    assert "No space is left on its device" in result["msg"]
    assert result["restored"] is True
    assert difference(before, serving.seen("/small")) == []
    assert (serving.served("one", 8081), serving.workers()) == ("v1", workers)
    assert serving.put(files=first, **small)["changed"] is False


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "a/b", "files": {}, "status_port": 0}, ["name may have", "status_port must be", "files is empty"]),
        (
            {"files": {"../x": "", "/x": "", "a//b": "", "a b": "", "a/./b": ""}},
            ["'../x'", "'/x'", "'a//b'", "'a b'", "'a/./b'"],
        ),
        (
            {"files": {"generation.conf": "", "a": "", "a/b": "", "c": 1}},
            ["generation.conf", "'a/b' lies", "'c' holds"],
        ),
        ({"files": {"a": ""}, "state": "absent", "timeout": 0}, ["neither files nor main", "timeout must be"]),
    ],
)
def test_wrong_options_are_told_at_once(serving: Site, options: dict[str, Any], told: list[str]) -> None:
    result = serving.call(**{"name": "one", **options})

    assert result["failed"]
    assert len(result["problems"]) == len(told)
    assert all(any(word in problem for problem in result["problems"]) for word in told)
