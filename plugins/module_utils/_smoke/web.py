# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all checks that ask HTTP servers have in common. This module is private to the collection."""

from __future__ import annotations

import hashlib
import json
import mimetypes
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting, Unobserved, World, excerpt
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")

REQUEST_OPTIONS: Mapping[str, Option] = {
    **{verb: Option() for verb in VERBS},
    "query": Option("mapping"),
    "headers": Option("mapping"),
    "json": Option("any"),
    "form": Option("mapping"),
    "files": Option("mapping"),
    "body": Option("text"),
    "body_bytes": Option("whole"),
    "follow": Option("flag", default=False),
    "timeout": Option("duration"),
}

# Each of these is a body, but a form can have files.
_BODIES = ("json", "form", "files", "body", "body_bytes")
_MOST_BYTES = 50_000_000

# Options of any kind that hold addresses.
_ADDRESSES = (*VERBS, "paths", "around", "url")


# Everything that has a meaning in an address, and what is quoted already.
_SAFE = "%/:=&?~+!$,;'@()*"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NO_HEADER = re.compile(r"[\r\n\0]")


def request_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the options of a request; what still holds a ${name} is not judged."""
    verbs = [verb for verb in VERBS if options.get(verb) is not None]
    if len(verbs) != 1:
        yield f"Give exactly one of {', '.join(VERBS)}."
    yield from (problem for verb in verbs for problem in address_problems(verb, options[verb]))
    bodies = [name for name in _BODIES if options.get(name) is not None]
    if len(bodies) > 1 and bodies != ["form", "files"]:
        yield f"Give only one of {', '.join(bodies)}: a request has one body."
    for name, is_right, wanted in (
        ("query", _is_plain_or_list, "text, a number, true or false, or a list of those"),
        ("form", _is_plain_or_list, "text, a number, true or false, or a list of those"),
        ("files", _is_path_or_list, "a path or a list of paths"),
    ):
        given = options.get(name)
        if isinstance(given, Mapping):
            yield from (f"{name}.{key}: this is not {wanted}." for key, value in given.items() if not is_right(value))
    if isinstance(options.get("headers"), Mapping):
        yield from header_problems("headers", options["headers"])
    size = options.get("body_bytes")
    if isinstance(size, int) and size > _MOST_BYTES:
        yield f"body_bytes: {_MOST_BYTES} is the most that is sent."


def address_problems(name: str, address: object) -> Iterator[str]:
    """What is wrong with an address, which is whole or a path."""
    is_known = isinstance(address, str) and "${" not in address
    if not isinstance(address, str) or (is_known and not address.startswith("/") and not _is_whole(address)):
        yield f"{name}: begin the address with / or with http:// or https:// and a host."


def header_problems(name: str, headers: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with headers."""
    for key, value in headers.items():
        if value is None or not _is_plain(value) or _NO_HEADER.search(f"{key}{value}"):
            yield f"{name}.{key}: this is not one line of text."


def base_url_problems(options: Mapping[str, Any], base_url: str | None) -> Iterator[str]:
    """What is wrong with base_url for the addresses in these options, of whichever kind that asks HTTP servers."""
    given = [address for name in _ADDRESSES for address in _listed(options.get(name)) if isinstance(address, str)]
    if base_url is None:
        paths = (address for address in given if address.startswith("/"))
        yield from (f"{path} is a path alone: give base_url, or begin it with http:// or https://." for path in paths)
    elif given and not _is_whole(base_url, with_query=False):
        yield "base_url: begin it with http:// or https:// and a host, and have no ? or # in it."


def only_reads(options: Mapping[str, Any]) -> bool:
    """Whether the request is one that by its meaning changes nothing."""
    return _verb(options) in ("get", "head", "options")


def request_of(options: Mapping[str, Any], setting: Setting, world: World) -> Request:
    """The request that the options describe. Raises Unobserved if they describe none, and FileError."""
    verb = _verb(options)
    problems = list(request_problems(options))
    if problems or verb is None:
        raise Unobserved(f"There is no request to send. {' '.join(problems)}")
    url = address_of(options[verb], setting.base_url, options.get("query") or {})
    content_type, body = _body_of(options, world)
    headers = merged(
        {"Content-Type": content_type} if content_type else {},
        {} if is_stranger(url, setting) else setting.headers,
        texts(options.get("headers") or {}),
    )
    return Request(verb.upper(), url, headers, body)


def address_of(address: str, base_url: str | None, query: Mapping[str, Any] | None = None) -> str:
    """The whole address, in which only what an address may not hold is quoted: %ff stays as it is.

    Raises Unobserved if base_url is missing or wrong.
    """
    problems = list(base_url_problems({VERBS[0]: address}, base_url))
    if problems:
        raise Unobserved(f"There is no address to ask. {' '.join(problems)}")
    whole = f"{(base_url or '').rstrip('/')}{address}" if address.startswith("/") else address
    parts = urlsplit(whole)
    asked = "&".join(filter(None, (_quoted(parts.query), urlencode(_pairs(query or {}), quote_via=quote))))
    return urlunsplit((parts.scheme, parts.netloc, _quoted(parts.path) or "/", asked, ""))


def is_stranger(url: str, setting: Setting) -> bool:
    """Whether the address is not the application's, to which alone an identity is shown if base_url says which it is.

    To any other server a check shows what its own headers hold, so that no token gets out by an oversight.
    """
    return setting.base_url is not None and _origin(url) != _origin(setting.base_url)


def texts(headers: Mapping[str, Any]) -> dict[str, str]:
    """Headers as they are sent."""
    return {name: _text(value) for name, value in headers.items()}


def merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """Headers of which the later win, however their names are written."""
    by_name = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return dict(by_name.values())


def ask(request: Request, options: Mapping[str, Any], setting: Setting, world: World) -> Response:
    """The answer to a request, with the cookies of the scenario if there is one. Raises HttpError."""
    session = setting.session or world.http.session(setting.trust)
    return session.ask(request, follows=bool(options.get("follow")), timeout=timeout_of(options, setting))


def timeout_of(options: Mapping[str, Any], setting: Setting) -> float:
    """How long an answer may take."""
    given: float | None = options.get("timeout")
    return setting.timeout if given is None else given


def text_of(response: Response) -> str:
    """The body as text."""
    return response.body.decode(errors="replace")


def json_of(response: Response) -> Any:
    """What the body says as JSON, or None if it is none."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def evidence(request: Request, response: Response) -> str:
    """What was asked and what came, with the beginning of it."""
    asked, answered = str(request), str(Request(request.method, response.url or request.url))
    onward = "" if asked == answered else f", redirected to {answered.partition(' ')[2]},"
    said = "".join(letter for letter in " ".join(text_of(response).split()) if letter.isprintable())
    return f"{asked}{onward} answered {response.status}{f': {excerpt(said)}' if said else ' without a body.'}"


def _verb(options: Mapping[str, Any]) -> str | None:
    return next((verb for verb in VERBS if options.get(verb) is not None), None)


def _is_whole(address: str, *, with_query: bool = True) -> bool:
    try:
        parts = urlsplit(address)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and (with_query or not (parts.query or parts.fragment))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _quoted(text: str) -> str:
    return quote(_LONE_PERCENT.sub("%25", text), safe=_SAFE)


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, _text(value)) for name, given in values.items() for value in _listed(given)]


def _listed(value: object) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _is_plain_or_list(value: object) -> bool:
    return all(_is_plain(each) for each in _listed(value))


def _is_path_or_list(value: object) -> bool:
    return all(isinstance(each, str) for each in _listed(value))


def _body_of(options: Mapping[str, Any], world: World) -> tuple[str | None, bytes | None]:
    """The body, and as what it is sent if the headers do not say."""
    if options.get("json") is not None:
        return "application/json", json.dumps(options["json"]).encode()
    if options.get("files") is not None:
        return _multipart(_pairs(options.get("form") or {}), options["files"], world)
    if options.get("form") is not None:
        return "application/x-www-form-urlencoded", urlencode(_pairs(options["form"])).encode()
    if options.get("body") is not None:
        return "text/plain; charset=utf-8", options["body"].encode(errors="surrogateescape")
    if options.get("body_bytes") is not None:
        return "application/json", _json_sized(options["body_bytes"])
    return None, None


def _json_sized(size: int) -> bytes:
    """JSON of that many bytes, because servers that limit a body often limit only those that they parse."""
    return b'["%s"]' % (b"x" * (size - 4)) if size >= 4 else b"1" * size


def _multipart(fields: Iterable[tuple[str, str]], files: Mapping[str, Any], world: World) -> tuple[str, bytes]:
    parts = [(f'name="{_in_quotes(name)}"', "", value.encode(errors="surrogateescape")) for name, value in fields]
    for name, path in _pairs(files):
        file = posixpath.basename(path)
        kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
        described = f'name="{_in_quotes(name)}"; filename="{_in_quotes(file)}"'
        parts.append((described, f"Content-Type: {kind}\r\n", _content(path, world)))
    # Of the content, so that none of it can hold the boundary, and the same check always sends the same.
    told = b"\0".join(piece for described, _kind, content in parts for piece in (described.encode(), content))
    boundary = f"shipshape-{hashlib.sha256(told).hexdigest()[:32]}"
    chunks = [
        f"--{boundary}\r\nContent-Disposition: form-data; {described}\r\n{kind}\r\n".encode() + content + b"\r\n"
        for described, kind, content in parts
    ]
    return f"multipart/form-data; boundary={boundary}", b"".join([*chunks, f"--{boundary}--\r\n".encode()])


def _in_quotes(name: str) -> str:
    """As browsers write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _content(path: str, world: World) -> bytes:
    file = world.files.read(path)
    if file is None:
        raise FileError(f"{path} cannot be read. It does not exist.", path=path)
    return file.content
