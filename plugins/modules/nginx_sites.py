#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_sites
short_description: Put the nginx files of one application in place as one transaction
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Takes all files that one application owns, tries them with C(nginx -t) on a private copy of the whole configuration,
    exchanges them at once, reloads nginx, and proves that new workers alone answer with exactly these files.
  - If anything fails, the previous files are put back and nginx is seen to answer with them, even where it died. The
    message names the file and the line.
  - Files of other applications are never touched. A configuration that was broken already by somebody else is reported
    as such before anything is written.
  - Where nginx does not run the files are tried and put in place, and nothing is started.
  - "nginx must read the files: the http block of C(nginx.conf) needs the line C(include applications/*/*.conf;)."
  - A host name that two servers have on one address is refused, although nginx itself only warns and leaves one out.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - The files are tried as in a real run.
  diff_mode:
    support: full
    details:
      - A diff for each file. What the files hold is shown; use C(diff=false) on the task where they hold a secret.
  idempotent:
    support: full
    details:
      - nginx is reloaded only if a file differs, or if it has not read what is there.
options:
  name:
    description:
      - The application, by letters, digits, V(-) and V(_).
      - Its files are in C(applications/<name>) below O(directory), a link to a directory that is exchanged whole.
    type: str
    required: true
  files:
    description:
      - All files of the application, by their paths below its directory. What is not named here is removed.
      - Files C(*.conf) at the top are read by nginx within its http block. Snippets belong into a directory, such as
        V(snippets/proxy.conf), and are included as C(applications/<name>/snippets/proxy.conf).
      - "C(generation.conf) is written by the module itself: a server on C(127.0.0.1) that tells what nginx has read."
    type: dict
    default: {}
  main:
    description:
      - The content of C(nginx.conf), for the one application that owns it.
      - What stood there before the first time is kept as C(nginx.conf.original).
    type: str
  state:
    description:
      - V(absent) removes the application's files, if there are any. C(nginx.conf) stays as it is.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description:
      - The directory of nginx's configuration.
    type: path
    default: /etc/nginx
  program:
    description:
      - The program, by its name or its path.
    type: path
    default: nginx
  status_port:
    description:
      - The port on C(127.0.0.1) at which nginx tells what it has read. All applications can have the same.
    type: int
    default: 8099
  gixy:
    description:
      - Have gixy examine the configuration, too, and refuse what it finds in files of this application. What it finds
        elsewhere is a warning.
      - It must be installed on the host.
    type: bool
    default: false
  timeout:
    description:
      - How many seconds to wait at most until new workers alone answer.
    type: float
    default: 10
seealso:
  - module: shipshape.webapp.traffic
"""

EXAMPLES = r"""
- name: Serve an application
  shipshape.webapp.nginx_sites:
    name: holibot
    files:
      site.conf: "{{ lookup('ansible.builtin.template', 'site.conf.j2') }}"
      snippets/proxy.conf: "{{ lookup('ansible.builtin.template', 'proxy.conf.j2') }}"

- name: Have the configuration examined for what an attacker could use
  shipshape.webapp.nginx_sites:
    name: holibot
    files:
      site.conf: "{{ lookup('ansible.builtin.template', 'site.conf.j2') }}"
    gixy: true

- name: Own the main configuration
  shipshape.webapp.nginx_sites:
    name: main
    main: "{{ lookup('ansible.builtin.template', 'nginx.conf.j2') }}"

- name: Serve it no more
  shipshape.webapp.nginx_sites:
    name: holibot
    state: absent
"""

RETURN = r"""
name:
  description: The application.
  returned: success
  type: str
  sample: holibot
generation:
  description: What its server on O(status_port) tells under C(/generation). V(null) with O(state=absent).
  returned: success
  type: str
  sample: 0f3a9bd1c2e4
files:
  description: The files that came, changed and went, or would in check mode, by their paths below O(directory).
  returned: success
  type: dict
  contains:
    added:
      description: Files that were not there.
      type: list
      elements: str
    changed:
      description: Files that have other content now.
      type: list
      elements: str
    removed:
      description: Files that are no longer there.
      type: list
      elements: str
  sample: {added: [applications/holibot/site.conf], changed: [], removed: []}
reloaded:
  description: Whether nginx was reloaded, or would be in check mode.
  returned: success
  type: bool
running:
  description: Whether nginx runs.
  returned: success
  type: bool
problems:
  description:
    - What nginx or gixy said, and where.
    - If an option is wrong, what is wrong with it, a sentence each.
  returned: failure because of the options, of nginx or of gixy
  type: list
  elements: raw
  sample:
    - severity: emerg
      message: unknown directive "listn"
      file: /etc/nginx/applications/holibot/site.conf
      line: 3
restored:
  description: Whether something had been changed and everything was put back as it was.
  returned: failure because of nginx or of gixy, or in the middle of a change
  type: bool
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders, room
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.plan import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.usecase import ensure_sites
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees


def nginx_sites_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    return ArgumentSpec(
        {
            "name": {"type": "str", "required": True},
            "files": {"type": "dict", "default": {}},
            "main": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "directory": {"type": "path", "default": "/etc/nginx"},
            "program": {"type": "path", "default": "nginx"},
            "status_port": {"type": "int", "default": 8099},
            "gixy": {"type": "bool", "default": False},
            "timeout": {"type": "float", "default": 10},
        }
    )


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **nginx_sites_argument_spec().to_kwargs())
    options = dict(module.params)
    request = Request(is_wanted=options.pop("state") == "present", **options)
    world = World(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        network=HostNetwork(),
        open_files=HostProcesses(),
        paths=HostPaths(),
        processes=HostProcesses(),
        trees=HostTrees(),
        clock=time.monotonic,
        pause=time.sleep,
        room=room,
    )
    run(module, lambda: ensure_sites(request, world=world, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
