# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports through which use cases reach the host, and the values that pass through them.

This module is private to the collection. The adapters of the same names (_command, _files, _folders, _http and more)
implement the ports; tests give use cases their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, words_of_failure

# Stands in the arguments and the environment of a program for the path of the private file that it is given.
FILE = "\0file\0"


@dataclass(frozen=True)
class Access:
    """To whom a file belongs and who may read it; what is None stays as it is, in a new file as the system makes it."""

    owner: str | None = None
    group: str | None = None
    mode: int = 0o600

    def heading(self) -> str:
        """The lines that show this above a file's text."""
        shown = {"owner": self.owner, "group": self.group, "mode": f"{self.mode:04o}"}
        return "".join(f"# {word}: {value}\n" for word, value in shown.items() if value is not None)


@dataclass(frozen=True)
class FileState:
    """A file as it is."""

    content: bytes
    access: Access
    uid: int
    gid: int

    def allows(self, wanted: Access) -> bool:
        """Whether the file already has the wanted owner, group and mode; owners can be given by name or by number."""
        return (
            wanted.owner in (None, self.access.owner, str(self.uid))
            and wanted.group in (None, self.access.group, str(self.gid))
            and wanted.mode == self.access.mode
        )

    def access_after(self, wanted: Access) -> Access:
        """What the file's access will be once the wanted one is set."""
        if self.allows(wanted):
            return self.access
        return replace(wanted, owner=wanted.owner or self.access.owner, group=wanted.group or self.access.group)


@dataclass(frozen=True)
class Completed:
    """How a program ended."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    def succeeded(self, purpose: str) -> Completed:
        """The same, if the program ended well; otherwise a CommandError that says what could not be done."""
        if self.code == 0:
            return self
        said = words_of_failure(self.stderr.strip() or self.stdout)
        raise CommandError(
            f"{purpose} failed: {self.argv[0]} ended with exit code {self.code}: {said}",
            argv=list(self.argv),
            stdout=self.stdout,
            stderr=self.stderr,
        )


@dataclass(frozen=True)
class Holder:
    """A process that has a file open, and its program without the arguments, which can hold secrets."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


@dataclass(frozen=True)
class Process:
    """A process; when it began, in a unit of the kernel's, tells it apart from others that get the same number."""

    pid: int
    began: str
    parent: int
    # The program as a path, or nothing where this user may not know it.
    program: str
    # Its arguments or what it calls itself; any may be secret, so it is compared and never shown.
    title: str = field(repr=False)


@dataclass(frozen=True)
class Stage:
    """One program of a pipe; `environment` is added to the module's own, for this child alone.

    `file` is what the program finds under the path that takes the place of FILE: it is never written to a disk.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    file: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Entry:
    """What stands in a directory; a symbolic link is no file, whatever it leads to."""

    name: str
    is_file: bool
    size: int
    modified: float


@dataclass(frozen=True)
class Flow:
    """What went through one end of a pipe."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Request:
    """What an HTTP server is asked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """The method and the address, without user, password and query, which can be secret."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return f"{self.method} the URL"
        host = parts.netloc.rpartition("@")[2]
        return f"{self.method} {urlunsplit((parts.scheme, host, parts.path, '', '')) if host else 'the URL'}"


@dataclass(frozen=True)
class Response:
    """An answer over HTTP, of whatever status; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    # Where it came from in the end, and how long it took from the request to the last byte.
    url: str = ""
    ms: float = 0.0


@dataclass(frozen=True)
class Socket:
    """An established TCP connection to another side, and whether the kernel asks that side now and then if it lives."""

    remote: tuple[str, int]
    is_kept_alive: bool


@dataclass(frozen=True)
class Listener:
    """A TCP socket that waits for connections, and to which user it belongs."""

    address: str
    port: int
    uid: int
    # How the kernel calls the socket wherever a process has it open.
    inode: str


@dataclass(frozen=True)
class Shot:
    """What became of one request of many: a status, or the reason why there is none, as HttpError has it."""

    status: int | None
    ms: float
    headers: Mapping[str, str]
    reason: str | None = None


@dataclass(frozen=True)
class Probe:
    """What is asked again and again, how often in seconds, and for how long at most."""

    url: str
    # Where its host is, if not where the name leads.
    address: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    interval: float = 0.2
    timeout: float = 5
    at_most: float = 7200
    ca: str | None = None
    is_verified: bool = True


@dataclass(frozen=True)
class Mail:
    """A mail of plain text."""

    sender: str
    to: Sequence[str]
    subject: str
    text: str


@dataclass(frozen=True)
class Relay:
    """A server that takes mail on its way; `security` is one of none, starttls, tls."""

    host: str
    port: int
    security: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 10
    ca: str | None = None


@dataclass(frozen=True)
class Trust:
    """Whose certificates are believed: those of the system, or of one file instead, or whatever is shown."""

    ca: str | None = None
    is_verified: bool = True


@dataclass(frozen=True)
class Handshake:
    """What a TLS server has shown: its certificate, until when and for which names that is good."""

    version: str
    expires: float
    names: tuple[str, ...]
    # Why it is not believed, as a sentence, or None.
    distrust: str | None


@dataclass(frozen=True)
class Position:
    """A place in a file; the inode and a hash of what stands before it tell whether it is still the same one."""

    inode: int
    offset: int
    tail: str


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file without reading it; a symbolic link is what it leads to."""

    # One of file, dir, socket, fifo, other.
    type: str
    mode: int
    owner: str
    group: str
    size: int
    modified: float
    is_writable: bool


class Commands(Protocol):
    """Runs programs of the host, never through a shell."""

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
        """How the program ended, whatever its exit code; `env` is added to the module's own environment.

        With `is_clean` it is all that the program gets.
        `file` is what the program finds under the path that takes the place of FILE. Raises CommandError if it cannot
        be started or is stopped for taking longer than `timeout` seconds.
        """

    def find(self, *programs: str) -> str | None:
        """The first of these programs that is installed, as it was asked for: by its name or its path."""


class Pipes(Protocol):
    """Runs programs of the host as a pipe, in constant memory and without a shell.

    Raises CommandError, which names the program that was the first to fail, in the order of the pipe, and what it said.
    """

    def save(
        self,
        stages: Sequence[Stage],
        path: str,
        *,
        stdin: str | None = None,
        timeout: float | None = None,
        progress: Callable[[int], None] = ...,
        meanwhile: Callable[[], None] = ...,
    ) -> Flow:
        """Write what comes out of the pipe to a new file, private from its first byte, and flush it to the disk.

        The first program reads the file `stdin`; without any program it is copied as it is. `progress` is told now and
        then how much is written. `meanwhile` is called while the programs run, and stops them if it fails. If anything
        fails the file is removed again. Raises FileError if it cannot be written.
        """

    def load(
        self,
        path: str,
        stages: Sequence[Stage],
        *,
        timeout: float | None = None,
        progress: Callable[[int], None] = ...,
    ) -> tuple[Flow, Flow]:
        """Put the file into the pipe; what went in, and what came out, which is hashed and thrown away."""

    def hash(self, path: str, *, progress: Callable[[int], None] = ..., meanwhile: Callable[[], None] = ...) -> Flow:
        """What the file holds; `meanwhile` is called while it is read."""


class Files(Protocol):
    """Reads and writes whole files of the host."""

    def read(self, path: str) -> FileState | None:
        """The file, or None if there is none. Raises FileError if it is no plain file or cannot be read."""

    def write(self, path: str, content: bytes, access: Access) -> None:
        """Replace the file at once, so that whoever reads it sees the old or the new content and never a part.

        Raises FileError and leaves the old file as it was.
        """


class GrowingFiles(Files, Protocol):
    """The same, and files that are only ever added to."""

    def append(self, path: str, content: bytes, access: Access) -> None:
        """Add whole lines to the end of the file, or none of them; a new one gets this access. Raises FileError."""


class Folders(Protocol):
    """Knows the directories of the host and what is in them. Every method raises FileError."""

    def prepare(self, path: str, *, mode: int = 0o700) -> None:
        """Have this directory, into which nobody else can put anything; what is above it must be there already.

        A new one gets this mode. One that belongs to another user, or that others can write to, is refused.
        """

    def make(self, path: str) -> None:
        """Have this directory, private, with whatever above it is missing. One that is there stays as it is."""

    def entries(self, path: str) -> list[Entry]:
        """What is in the directory, in order of the names; nothing where there is no directory."""

    def real(self, path: str) -> str:
        """The absolute path to which symbolic links lead from here, whether something is there or not."""

    def link(self, path: str, name: str) -> None:
        """Give a file a second name in the same file system, which nothing may have yet."""

    def move(self, path: str, target: str) -> None:
        """Give a file another name in the same file system, which takes the place of what is there, for good."""

    def remove(self, path: str) -> None:
        """Remove a file or a symbolic link; one that is gone already is no failure."""

    def liken(self, path: str, model: str) -> None:
        """Give a file, which has no other name, the owner, group and mode of another."""

    def free_bytes(self, path: str) -> int:
        """How much this user can still write to the file system of the directory, or of the nearest one above it."""

    def temporary(self, parent: str, *, owner: str | None = None) -> AbstractContextManager[str]:
        """A new private directory of this process, removed with all that is in it when the context is left.

        It is `owner`'s, if one is given. What earlier processes left behind when they were killed goes too.
        """


class Trees(Protocol):
    """Knows directories of files that one name leads to and that are exchanged whole. Every method raises FileError."""

    def read(self, path: str) -> dict[str, bytes] | None:
        """What is in the files of the directory and of those in it, by their paths from there; None if there is none.

        Symbolic links and whatever else is no plain file are left out.
        """

    def matching(self, pattern: str) -> dict[str, bytes]:
        """What is in the files whose paths match this pattern of the shell, symbolic links followed, in order."""

    def write(self, path: str, files: Mapping[str, bytes]) -> None:
        """Have a new private directory with exactly these private files, in the place of what has that name.

        If anything fails nothing is left of it.
        """

    def mirror(self, source: str, target: str, files: Mapping[str, bytes], without: str | None = None) -> None:
        """Make a directory in which the source is seen with these files, given by their paths from there.

        What stands in the source below the path `without` is not seen. Nothing of the source is copied.
        """

    def target(self, path: str) -> str | None:
        """To what the symbolic link leads, as it says; None if there is none. Anything else there is refused."""

    def point(self, path: str, target: str) -> None:
        """Have the symbolic link lead there, at once, so that whoever follows it gets to the old or the new place."""

    def remove(self, path: str) -> None:
        """Remove a directory with all that is in it, a file or a link; one that is gone already is no failure."""

    def clear(self, path: str) -> None:
        """Remove an empty file or directory; anything else stays, and nothing is raised."""


class Servers(Protocol):
    """Runs servers of its own for a while."""

    def running(
        self,
        argv: Sequence[str],
        *,
        is_ready: Callable[[], bool],
        log: str,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> AbstractContextManager[None]:
        """A server that runs from the moment when it is ready until the context is left, or this process dies.

        What it says goes to the new file `log`. Raises CommandError if it ends or is not ready in time.
        """


class Connection(Protocol):
    """One session with a database. Every method raises DatabaseError."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; each ? in it stands for the next parameter."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Carry out one statement; the number of rows that it changed, where the database counts them."""

    def several(self, statements: Sequence[tuple[str, Sequence[object]]]) -> None:
        """Carry out these in order, up to the first that fails, in one message where the server takes several."""

    def transaction(self, *, read_only: bool = False) -> AbstractContextManager[None]:
        """A transaction that sees one state of the database throughout, undone if the context is left by an error.

        Outside of one, every statement is a transaction of its own.
        """

    def close(self) -> None:
        """End the session; what is not committed is undone."""


class Processes(Protocol):
    """Knows the processes of the host."""

    def holding(self, paths: Iterable[str], *, itself: bool = False) -> list[Holder]:
        """The processes that have one of these files open, by whatever name; this one only if `itself`.

        Of another user's processes only root learns this, so that for anybody else an empty list proves nothing.
        """


class FileLocks(Protocol):
    """Knows who has locked which file of the host."""

    def locking(self, paths: Iterable[str]) -> list[Holder]:
        """The processes that have locked one of these files, or a part of it, so that nobody else can write there."""


# How processes, and whatever they start, tell what they belong to: the application, the slot and their own name,
# between slashes, and the directory of their release.
PROCESS_MARK, RELEASE_MARK = "SHIPSHAPE_PROCESS", "SHIPSHAPE_RELEASE"


class ProcessTable(Protocol):
    """Knows which processes there are, and reaches them."""

    def at(self, pid: int) -> Process | None:
        """The process of that number, or None if there is none or it has ended."""

    def all(self) -> list[Process]:
        """All processes, in order of their numbers."""

    def signal(self, process: Process, number: int) -> bool:
        """Send a signal to exactly this process; whether it was there. Raises CommandError if that is not permitted."""

    def directory(self, pid: int) -> str | None:
        """The working directory, as " (deleted)" at its end tells if it is gone; None if this user may not know it."""

    def environment(self, pid: int) -> str | None:
        """The variables with which the process began, each ended by a zero; None if this user may not know them."""

    def memory(self, pid: int) -> int | None:
        """How many bytes of memory the process really takes up; None if it has ended."""


class Sockets(Protocol):
    """Knows the TCP sockets of the host."""

    def established(self, remote: Collection[tuple[str, int]], owners: Collection[int]) -> list[Socket]:
        """The connections of these processes to these addresses, given as numbers and ports.

        Where this user may not see what they have open, it is those of all processes.
        """

    def listening(self, ports: Collection[int] | None = None) -> list[Listener]:
        """The sockets that wait for connections, on these ports or on any."""

    def opened(self, pid: int) -> frozenset[str] | None:
        """The inodes of the sockets that a process has open; None if this user may not know them."""


class HttpSession(Protocol):
    """Asks HTTP servers, and keeps their cookies. One thread at a time may use it."""

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        """The answer, of whatever status; redirects are followed only if asked for. Raises HttpError without one."""


class Http(Protocol):
    """Asks HTTP servers, without what the environment may say of proxies and passwords."""

    def session(self, trust: Trust) -> HttpSession:
        """A new one without cookies; connections are shared by all that one thread opens."""

    def volley(
        self, requests: Sequence[Request], *, at_most: int, at_once: bool = False, timeout: float = 10, trust: Trust
    ) -> tuple[list[Shot], float]:
        """Ask all of these over `at_most` connections, and how many seconds that took; no request is repeated.

        `at_once` has all connections opened before the first request is sent over any.
        """


class Prober(Protocol):
    """Starts what asks an application again and again, and outlives whoever has started it."""

    def start(self, probe: Probe, path: str) -> None:
        """Begin to ask, over one connection that is kept and over a new one each time.

        Each answer becomes a line of the new file, of which the first says `# PROCESS BEGAN`. Raises FileError.
        """


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail, relay: Relay) -> None:
        """Hand it to the relay. Raises DeliveryError, without the password."""


class Poster(Protocol):
    """Posts to webhooks."""

    def post(
        self, url: str, body: bytes, *, timeout: float, ca: str | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Post JSON. Raises DeliveryError, without the address and the headers."""


class Stream(Protocol):
    """A connection. Its methods raise HttpError."""

    def send(self, data: bytes) -> None:
        """Send all of this."""

    def receive(self, timeout: float | None = None) -> bytes:
        """What comes next; nothing if the other side has ended. Without a timeout, that of the connection holds."""


class Network(Protocol):
    """Connects to servers."""

    def addresses(self, host: str) -> list[str]:
        """The addresses that the host's name stands for, as numbers. Raises HttpError."""

    def connect(
        self, host: str, port: int, *, timeout: float, trust: Trust | None = None
    ) -> AbstractContextManager[Stream]:
        """A connection, over TLS if there is somebody to trust. Raises HttpError."""

    def handshake(
        self, host: str, port: int, *, timeout: float, trust: Trust, name: str | None = None, version: str | None = None
    ) -> Handshake:
        """What a TLS server shows to whoever asks for this name and speaks only this version (1.0, 1.1, 1.2, 1.3).

        Raises HttpError, with the reason `version` if it does not speak that.
        """


class Paths(Protocol):
    """Looks at files that belong to others. Every method raises FileError."""

    def find(self, pattern: str) -> list[str]:
        """The files whose paths match this pattern of the shell, in order."""

    def facts(self, path: str) -> FileFacts | None:
        """What is known of a file or directory, or None if there is none."""

    def end(self, path: str) -> Position | None:
        """Where the file ends now, or None if there is none."""

    def continues(self, path: str, position: Position) -> bool:
        """Whether the file, by whatever name, is still the one of the position, or a copy of that."""

    def lines(self, path: str, since: Position | None = None) -> Iterator[str]:
        """The lines from there on, in constant memory; all if another file has taken its place or it has shrunk.

        What was written before a rotation to a file that is still beside it comes first.
        """


class Crew(Protocol):
    """Does things side by side."""

    def together(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Carry out all of these at once; what they return, in their order. Raises what one of them raises."""

    def turn(self, *, at_last: bool = False) -> AbstractContextManager[None]:
        """Wait until it is one's turn: only so many of those who work side by side really do something at a time.

        Raises Interrupted if the whole crew is to stop, but not for those who clear up `at_last`.
        """

    def pause(self, seconds: float) -> None:
        """Wait, or raise Interrupted at once if the whole crew is to stop."""


class Locks(Protocol):
    """Keeps two runs from doing the same thing at once."""

    def hold(self, path: str, *, purpose: str, wait: float = 0) -> AbstractContextManager[Callable[[str], None]]:
        """Hold a lock file, made if need be, while the context lasts; it never outlives the process.

        What the context gives replaces the purpose, which whoever looks at the lock is told. Raises LockHeld, which
        says who holds it, if somebody else does for longer than `wait` seconds.
        """

    def holder(self, path: str) -> str | None:
        """Who holds the lock file, what for and since when; None if nobody does."""

    def hold_directory(self, path: str, *, wait: float = 0) -> AbstractContextManager[None]:
        """The same for a directory, of which nothing is left behind; one that cannot be opened needs no lock."""
