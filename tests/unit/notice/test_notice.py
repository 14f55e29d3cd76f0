# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages to a webhook and to a relay that are really there."""

from __future__ import annotations

import base64
import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._mail import HostMail
from ansible_collections.shipshape.webapp.plugins.module_utils._notice.marker import Event, marker
from ansible_collections.shipshape.webapp.plugins.module_utils._notice.usecase import Host, Request, secrets_of, tell
from ansible_collections.shipshape.webapp.plugins.module_utils._webhook import HostWebhook

CANARY = "canary-8-%$"
SUMMARY = ["holibot: Deployed. Version 2 is live.", "Failed requests: 0 of 1200, longest gap 0.21 s"]


@dataclass
class Chat:
    """What was posted, and what is answered."""

    status: int = 200
    posted: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/{CANARY}"


@dataclass
class Post:
    """What a relay was told; what it refuses, it answers with these words."""

    refuses: dict[str, str] = field(default_factory=dict)
    offers: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    port: int = 0


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield int(server.server_address[1])  # type: ignore[index]  # it is one of the internet
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def chat() -> Iterator[Chat]:
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = ("DD-API-KEY", "Api-Key")
            keys = {name: self.headers[name] for name in names if name in self.headers}
            posted = {"type": self.headers["Content-Type"], "path": self.path, "body": json.loads(body), "keys": keys}
            chat.posted.append(posted)
            self.send_response(chat.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as chat.port:
        yield chat


@pytest.fixture
def post() -> Iterator[Post]:
    post = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 relay")
            while line := self.rfile.readline().decode().strip():
                post.said.append(line)
                word = line.split(":")[0].upper() if ":" in line else line.split()[0].upper()
                refusal = post.refuses.get(word) or post.refuses.get(line.upper())
                if refusal:
                    self.say(refusal)
                elif word == "EHLO":
                    self.say("\r\n".join(["250-relay", *(f"250-{offer}" for offer in post.offers), "250 HELP"]))
                elif word == "DATA":
                    self.say("354 go on")
                    lines = iter(self.rfile.readline, b".\r\n")
                    post.mails.append(b"".join(lines))
                    self.say("250 taken")
                elif word == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("235 welcome" if word == "AUTH" else "250 OK")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with serving(Server(("127.0.0.1", 0), Handler)) as post.port:
        yield post


def call(*, check: bool = False, **asked: Any) -> dict[str, Any]:
    request = Request(**{"summary": SUMMARY, **asked})
    result = tell(request, Host(HostWebhook(), HostMail()), check_mode=check)
    # What nobody may see is in nothing that is told.
    assert CANARY not in json.dumps([result.data, list(result.warnings), repr(request)])
    return {"changed": result.changed, **result.data, "warnings": list(result.warnings)}


def mail(post: Post, **changes: Any) -> dict[str, Any]:
    told = {"to": ["team@example.com"], "sender": "deploy@example.com", "host": "127.0.0.1", "port": post.port}
    return {**told, "security": "none", **changes}


def read(post: Post) -> email.message.EmailMessage:
    [content] = post.mails
    message = email.message_from_bytes(content, policy=default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def test_a_chat_gets_the_whole_message(chat: Chat) -> None:
    result = call(
        webhooks=[{"name": "team chat", "url": chat.url, "extra": {"channel": "#live"}}],
        changes=["Answers in the language of the question"],
        how_to_use=["Ask <@everyone> & see"],
        known=["Next review on 2026-12-01"],
        report="https://ops.example.com/r.html",
    )
    assert (result["changed"], result["told"], result["failed"]) == (True, ["team chat"], [])
    [posted] = chat.posted
    assert posted["type"] == "application/json"
    assert posted["body"] == {
        "channel": "#live",
        "text": (
            "holibot: Deployed. Version 2 is live.\nFailed requests: 0 of 1200, longest gap 0.21 s\n\n"
            "What has changed:\n- Answers in the language of the question\n\n"
            "How to use it:\n- Ask &lt;@everyone&gt; &amp; see\n\nKnown:\n"
            "- Next review on 2026-12-01\n\nReport:\n- https://ops.example.com/r.html\n"
        ),
    }
    assert "Ask <@everyone> & see" in result["text"]


def test_a_mail_has_the_verdict_as_its_subject(post: Post) -> None:
    result = call(mail=mail(post, to=["team@example.com", "boss@example.com"]), changes=["Grüße"])
    assert result["told"] == ["mail to team@example.com, boss@example.com"]
    message = read(post)
    assert message["Subject"] == "holibot: Deployed. Version 2 is live."
    assert message["To"] == "team@example.com, boss@example.com"
    assert message["From"] == "deploy@example.com"
    assert message["Date"]
    assert message["Message-ID"].endswith("@example.com>")
    assert message.get_content().replace("\r\n", "\n") == result["text"]
    assert "- Grüße" in message.get_content()


def test_who_needs_to_log_in_does(post: Post) -> None:
    post.offers = ["AUTH PLAIN"]
    call(mail=mail(post, user="deploy", password=CANARY))
    [login] = [line for line in post.said if line.startswith("AUTH")]
    assert base64.b64decode(login.split()[2]) == f"\0deploy\0{CANARY}".encode()


@pytest.mark.parametrize(
    ("status", "why"),
    [(404, "The webhook answered with status 404."), (302, "The webhook answered with status 302.")],
)
def test_a_webhook_that_refuses_is_a_warning(chat: Chat, status: int, why: str) -> None:
    chat.status = status
    result = call(webhooks=[{"url": chat.url}])
    assert result["failed"] == [f"webhook 1: {why}"]
    assert result["warnings"] == [f"Nobody was told by webhook 1: {why}"]
    assert not result["changed"]
    assert len(chat.posted) == 1


@pytest.mark.parametrize("place", ["127.0.0.1:9", "nowhere.invalid", "127.0.0.1:x"])
def test_a_webhook_that_is_not_there_is_a_warning(place: str) -> None:
    [failed] = call(webhooks=[{"url": f"https://{place}/{CANARY}"}])["failed"]
    assert failed.startswith("webhook 1: The webhook cannot be reached (")


@pytest.mark.parametrize(
    ("refuses", "why"),
    [
        ({"MAIL FROM": "550 not from here"}, "550 not from here"),
        ({"RCPT TO": "550 unknown"}, "it knows none of team@example.com"),
        ({"AUTH": "535 no such login"}, "535 no such login"),
        ({"DATA": "554 too large"}, "554 too large"),
    ],
)
def test_a_relay_that_refuses_is_a_warning(post: Post, refuses: dict[str, str], why: str) -> None:
    post.offers, post.refuses = ["AUTH PLAIN"], refuses
    [failed] = call(mail=mail(post, user="deploy", password=CANARY))["failed"]
    assert failed == f"mail to team@example.com: 127.0.0.1:{post.port} did not take the mail: {why}."


def test_a_relay_that_knows_only_some_is_told(post: Post) -> None:
    post.refuses = {"RCPT TO:<BOSS@EXAMPLE.COM>": "550 unknown"}
    [failed] = call(mail=mail(post, to=["team@example.com", "boss@example.com"]))["failed"]
    assert failed.endswith("did not take the mail for boss@example.com.")
    assert len(post.mails) == 1


def test_nothing_is_told_without_the_encryption_that_is_asked_for(post: Post) -> None:
    for security in ("starttls", "tls"):
        [failed] = call(mail=mail(post, security=security, user="deploy", password=CANARY), timeout=1)["failed"]
        assert "did not take the mail" in failed
    assert not any(line.startswith(("AUTH", "MAIL")) for line in post.said)
    assert post.mails == []


def test_who_can_be_told_is_told_though_others_cannot(chat: Chat, post: Post) -> None:
    result = call(webhooks=[{"url": f"http://127.0.0.1:9/{CANARY}"}, {"url": chat.url}], mail=mail(post))
    assert result["changed"]
    assert result["told"] == ["webhook 2", "mail to team@example.com"]
    assert len(result["failed"]) == 1
    assert len(chat.posted) == len(post.mails) == 1


def test_check_mode_sends_nothing(chat: Chat, post: Post) -> None:
    result = call(check=True, webhooks=[{"url": chat.url}], mail=mail(post))
    assert result["changed"]
    assert result["told"] == ["webhook 1", "mail to team@example.com"]
    assert (chat.posted, post.mails) == ([], [])


def test_a_message_is_short() -> None:
    result = call(changes=[f"change {number}" for number in range(500)])
    assert len(result["text"].splitlines()) == 61
    assert result["text"].splitlines()[-1] == "(444 more lines)"
    assert not result["changed"]


def test_a_subject_is_one_line(post: Post) -> None:
    call(summary=["holibot:\r\nBcc: all@example.com " + "x" * 500], mail=mail(post))
    message = read(post)
    assert "Bcc" not in message
    assert len(message["Subject"]) == 200


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"summary": []}, "summary: it is empty: give the lines that deployment_record returns."),
        ({"webhooks": [{"url": CANARY}]}, "webhooks[1].url: give an address that begins with https://."),
        ({"mail": {"to": ["team"], "sender": "a@b"}}, "mail.to[1]: this is no address of mail."),
        ({"mail": {"to": ["a@b\r\nBcc: c@d"], "sender": "a@b"}}, "mail.to[1]: this is no address of mail."),
        ({"mail": {"to": ["a@b"], "sender": " "}}, "mail.sender: this is no address of mail."),
    ],
)
def test_what_cannot_be_told_is_refused(asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(**asked)
    assert caught.value.details["problems"] == [problem]


def test_secrets_are_known() -> None:
    request = Request(SUMMARY, webhooks=[{"url": "https://x/y"}], mail={"password": CANARY})
    assert secrets_of(request) == ["https://x/y", CANARY]
    assert secrets_of(Request(SUMMARY)) == []


def marked(chat: Chat, service: str, **options: Any) -> dict[str, Any]:
    return {"service": service, "key": CANARY, "url": f"http://127.0.0.1:{chat.port}/", **options}


def test_datadog_gets_an_event(chat: Chat) -> None:
    result = call(markers=[marked(chat, "datadog", tags=["env:production"])], revision="8c1f2ab", changes=["Faster"])

    assert (result["changed"], result["told"], result["failed"]) == (True, ["datadog's marker"], [])
    assert chat.posted == [
        {
            "type": "application/json",
            "path": "/api/v1/events",
            "keys": {"DD-API-KEY": CANARY},
            "body": {
                "title": "holibot: Deployed. Version 2 is live.",
                "text": result["text"],
                "tags": ["env:production", "version:8c1f2ab"],
                "alert_type": "info",
            },
        }
    ]


def test_new_relic_gets_a_deployment(chat: Chat) -> None:
    result = call(
        markers=[marked(chat, "newrelic", application="42")], revision="8c1f2ab", changes=["Faster", "Bigger"]
    )

    assert result["told"] == ["newrelic's marker"]
    assert chat.posted == [
        {
            "type": "application/json",
            "path": "/v2/applications/42/deployments.json",
            "keys": {"Api-Key": CANARY},
            "body": {
                "deployment": {
                    "revision": "8c1f2ab",
                    "description": "holibot: Deployed. Version 2 is live.",
                    "changelog": "Faster\nBigger",
                    "user": "shipshape",
                }
            },
        }
    ]


def test_marker_that_is_refused_is_a_warning(chat: Chat) -> None:
    chat.status = 403

    result = call(markers=[marked(chat, "datadog")])

    assert result["failed"] == ["datadog's marker: The webhook answered with status 403."]


def test_check_mode_marks_nothing(chat: Chat) -> None:
    assert call(check=True, markers=[marked(chat, "datadog")])["told"] == ["datadog's marker"]
    assert chat.posted == []


def test_marker_goes_to_the_documented_address() -> None:
    event = Event("title", "text", [], "1")
    addresses = [
        marker({"service": "datadog", "key": "k"}, event).url,
        marker({"service": "newrelic", "key": "k", "application": "42"}, event).url,
    ]

    assert addresses == [
        "https://api.datadoghq.com/api/v1/events",
        "https://api.newrelic.com/v2/applications/42/deployments.json",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"service": "datadog", "key": "a\nb"}, "markers[1].key: this is no key."),
        ({"service": "datadog", "key": ""}, "markers[1].key: this is no key."),
        ({"service": "datadog", "key": "k", "url": "ftp://x"}, "markers[1].url: give an address that begins with"),
        ({"service": "newrelic", "key": "k"}, "markers[1].application: give the number of the application"),
    ],
)
def test_marker_that_cannot_be_sent_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(markers=[options])
    [problem] = caught.value.details["problems"]
    assert problem.startswith(told)


def test_key_of_a_service_is_a_secret() -> None:
    assert CANARY in secrets_of(Request(SUMMARY, markers=[{"service": "datadog", "key": CANARY}]))
