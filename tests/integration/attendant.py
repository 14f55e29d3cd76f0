# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out on a test host what it is asked through a socket, without what `docker exec` costs each time.

A program is started as `docker exec` starts it. Modules and code run in a copy of this process, which has imported what
they share: to do so takes longer than most of them. What one copy does, no other sees.

Runs on a test host. Its arguments are the socket's path and the folder that holds the collection, if there is one.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import importlib.util
import json
import os
import pwd
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

COLLECTION = "ansible_collections.shipshape.webapp"

_ENOUGH = 1 << 20
_PR_SET_DUMPABLE = 4


def import_collection(packages: str) -> None:
    """Import what modules share, and the drivers that they import when they need them."""
    sys.path[0] = packages
    below = Path(packages, COLLECTION.replace(".", "/"))
    for path in sorted((below / "plugins/module_utils").rglob("*.py")):
        importlib.import_module(f"{COLLECTION}.{'.'.join(path.relative_to(below).with_suffix('').parts)}")
    importlib.import_module("ansible.module_utils.basic")
    for driver in ("psycopg2", "pymysql"):
        if importlib.util.find_spec(driver):
            importlib.import_module(driver)


def serve(path: str) -> dict[str, Any]:
    """Have each request carried out, for ever. Returns in the process that is to carry one out, and has its files."""
    listener = socket.socket(socket.AF_UNIX)
    Path(path).unlink(missing_ok=True)
    listener.bind(path)
    # Who may use Docker need not be root.
    os.chmod(path, 0o666)  # noqa: S103 (in a folder of the test)
    listener.listen(64)
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    while True:
        for key, _events in waiting.select():
            if key.fileobj is not listener:
                waiting.unregister(key.fd)
                os.close(key.fd)
                _tell_end(*key.data)
                continue
            connection, _address = listener.accept()
            request, files = _request(connection)
            number = os.fork()
            if number == 0:
                connection.detach()
                listener.detach()
                waiting.close()
                _keep_only(files)
                return request
            for file in files:
                os.close(file)
            waiting.register(os.pidfd_open(number), selectors.EVENT_READ, (number, connection))


def _request(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What is asked, in one line, and its standard files."""
    line, files, _flags, _address = socket.recv_fds(connection, _ENOUGH, 3)
    while not line.endswith(b"\n"):
        line += connection.recv(_ENOUGH)
    return json.loads(line), files


def _keep_only(files: list[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(len(files), 256)


def _tell_end(number: int, connection: socket.socket) -> None:
    """Say how a process ended, as shells do, to whoever still listens."""
    code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    with connection:
        try:
            connection.sendall(b"%d" % (code if code >= 0 else 128 - code))
        except OSError:
            return


def carry_out(request: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """Be what is asked for, by the user and with the variables beside the given ones."""
    os.setsid()
    user = pwd.getpwnam(request["user"])
    if user.pw_uid:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        # Otherwise what is of this process under /proc would be root's.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    variables = {"HOME": user.pw_dir, **request["environment"]}
    if "argv" in request:
        # Python ignores them, and what it starts would do so as well.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(request["argv"][0], request["argv"], {**given, **variables})  # noqa: S606 (as asked)
    os.environ.update(variables)
    time.tzset()
    _end(_ended(request))


def _ended(request: Mapping[str, Any]) -> object:
    """What Python says at the end of a module or of code."""
    try:
        if "module" in request:
            runpy.run_module(f"{COLLECTION}.plugins.modules.{request['module']}", run_name="__main__", alter_sys=True)
        else:
            main = sys.modules["__main__"] = ModuleType("__main__")
            exec(compile(request["code"], "<stdin>", "exec", dont_inherit=True), main.__dict__)  # noqa: S102 (as asked)
    except SystemExit as end:
        return end.code
    except BaseException:  # noqa: BLE001 (Python itself would not do otherwise)
        traceback.print_exc()
        return 1
    return 0


def _end(code: object) -> NoReturn:
    """End as Python does, but for taking everything apart that was imported, which takes longer than most modules."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    """Serve, and become what is asked for."""
    # Without what Python has added to its own.
    given = dict(line.split("=", 1) for line in Path("/proc/self/environ").read_text().split("\0") if line)
    path, *packages = sys.argv[1:]
    for folder in packages:
        import_collection(folder)
    sys.argv[:] = ["-"]
    carry_out(serve(path), given)


if __name__ == "__main__":
    main()
