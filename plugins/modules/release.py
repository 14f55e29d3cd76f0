#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Build, activate and remove the releases of an application
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - A release is a directory C(releases/ID) in the application's root, built from one commit and one configuration, of
    which O(release) is the name. What is built once is not built again.
  - What became of each release is written into C(deployments.jsonl) in the root. It is C(building), C(ready), C(live),
    C(good), or C(bad). Which one is live, to which one can go back and which ones are removed is taken from there, and
    not from the age of files.
  - A build that fails leaves its log in C(builds/ID.log), and nothing else.
  - Dependencies that are installed from a lock file are kept in C(cache/dependencies), and copied into the next release
    that has the same lock file, the same command, and a Node that can load the same compiled modules.
extends_documentation_fragment:
  - shipshape.webapp.attributes
attributes:
  check_mode:
    support: full
    details:
      - Git is asked for the commit, but nothing is fetched. Whether a build would succeed cannot be foretold.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  root:
    description:
      - The application's root directory, which belongs to the user as whom the module runs.
    type: path
    required: true
  state:
    description:
      - V(ready) builds the release unless it is there, and first removes what is not needed any more.
      - V(live) has C(current) lead to it. V(good) as well, and says that it has passed its watch window. Then older
        ones are removed, and O(deployment) ends.
      - V(bad) says that nothing may go back to it.
      - V(gathered) changes nothing and tells all.
    type: str
    choices: [ready, live, good, bad, gathered]
    default: ready
  release:
    description:
      - The release. With O(state=ready) it is made of the commit and the configuration if it is left out.
    type: str
  deployment:
    description:
      - The deployment that does this, as M(shipshape.webapp.deployment_lock) has named it. If it does not hold the lock
        any more, nothing is done.
    type: str
  verdict:
    description:
      - How the deployment has ended, with O(state=good), or why the release is bad, with O(state=bad).
    type: str
  source:
    description:
      - What the release is made of.
    type: dict
    suboptions:
      git:
        description:
          - The address of a repository. The host keeps a copy of it in C(cache), so that only what is new is fetched.
        type: str
      version:
        description:
          - The branch, the tag or the commit.
        type: str
        default: HEAD
      key_file:
        description:
          - The private key on the host with which SSH logs in.
        type: path
      known_hosts:
        description:
          - The file on the host that holds the keys of servers, if it is not the user's own. A server whose key is not
            known is refused.
        type: path
      user:
        description:
          - The user for an address that begins with C(https://). Most servers do not mind which one if the password is
            a token.
        type: str
      password:
        description:
          - The password or the token for that.
        type: str
      archive:
        description:
          - A file on the host, of tar, compressed or not.
        type: path
      sha256:
        description:
          - The checksum of the archive.
        type: str
      strip:
        description:
          - How many directories above everything in the archive are left out.
        type: int
        default: 0
      directory:
        description:
          - A directory on the host.
        type: path
      exclude:
        description:
          - What of the directory is left out, as patterns of tar.
        type: list
        elements: str
        default: [.git, node_modules]
  configuration:
    description:
      - Whatever else the release depends on. If it changes, so does the release.
    type: str
  build:
    description:
      - The steps of the build, in their order. The first that fails ends it.
    type: list
    elements: dict
    default: []
    suboptions:
      run:
        description:
          - A command, or several lines of them, for C(sh -eu).
        type: str
      install:
        description:
          - The same for a command that installs dependencies from a lock file, such as C(npm ci). It is not carried out
            if what it would install is kept from an earlier release.
        type: str
      in:
        description:
          - The directory in the release in which it is carried out.
        type: str
        default: .
      keeps:
        description:
          - What O(build[].install) leaves behind, as paths from O(build[].in). Workspaces have several.
        type: list
        elements: str
        default: [node_modules]
      environment:
        description:
          - Variables for this step.
        type: dict
        default: {}
      timeout:
        description:
          - After how many seconds the step is stopped, with all that it has started.
        type: float
        default: 1800
  environment:
    description:
      - Variables for all steps. Besides these they have E(PATH), E(LANG) and a E(HOME) of their own, and nothing of the
        environment in which the module runs.
    type: dict
    default: {}
  secrets:
    description:
      - The same, of which nothing is ever shown. They do not make another release.
    type: dict
    default: {}
  shared:
    description:
      - Directories that all releases share, as paths in the release. What is in them stands in C(shared), and what the
        source has in their place is left out.
    type: list
    elements: str
    default: []
  shared_files:
    description:
      - The same for files, which have to be there.
    type: list
    elements: str
    default: []
  copied_files:
    description:
      - Files that stand in C(shared), of which each release gets a copy of its own that only its user can read, such as
        the environment file. If one changes, so does the release, and what runs already keeps what it began with.
      - They are not packed, so that each host has its own.
    type: list
    elements: str
    default: []
  keep:
    description:
      - How many good releases are kept besides the live one. One in which a process runs is never removed.
    type: int
    default: 5
  packed:
    description:
      - Whether the release is packed as an archive for other hosts.
    type: bool
    default: false
notes:
  - Run it as the application's user, for example with C(become_user). Nothing of it needs root.
  - It needs C(git), C(tar) or both, and for the dependencies Node.
  - Submodules and Git LFS are not fetched. A repository with submodules is refused.
  - A release may be built in the directory in which it will run, so that tools may write its path into what they make.
seealso:
  - module: shipshape.webapp.deployment_lock
"""

EXAMPLES = r"""
- name: Build the release, unless it is there
  shipshape.webapp.release:
    root: /srv/holibot
    source:
      git: git@git.example.com:holibot.git
      version: main
      key_file: /srv/holibot/.ssh/deploy
    build:
      - {install: npm ci, in: backend}
      - {install: npm ci, in: frontend}
      - {run: npm run build, in: frontend, environment: {VITE_API_BASE_URL: "https://bot.example.com/api/v1"}}
    shared: [backend/logs]
    copied_files: [.env]
  become: true
  become_user: holibot
  register: built

- name: Have it live, and good
  shipshape.webapp.release:
    root: /srv/holibot
    state: good
    release: "{{ built.release }}"
  become: true
  become_user: holibot
"""

RETURN = r"""
release:
  description: The release; with O(state=gathered) the live one, or V(null).
  returned: success, and when a build fails
  type: str
  sample: 9f86d081884c-2c26b46b
path:
  description: Its directory.
  returned: success
  type: str
  sample: /srv/holibot/releases/9f86d081884c-2c26b46b
state:
  description: What it is now, or would be.
  returned: success
  type: str
  sample: ready
origin:
  description: The commit, or the checksum of the archive or the directory.
  returned: success with O(state=ready)
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b
title:
  description: The first line of the commit's message, or the name of the archive or the directory.
  returned: success with O(state=ready)
  type: str
  sample: Answer in the language of the question
steps:
  description: The steps that were carried out.
  returned: success with O(state=ready)
  type: list
  elements: dict
  sample: [{run: "npm ci, in backend", seconds: 0.8, is_restored: true, dependencies: 6f1e…}]
said:
  description: What the step that failed said last, without secrets.
  returned: when a step fails
  type: list
  elements: str
log:
  description: What was said while it was built.
  returned: success, and when a build fails
  type: str
  sample: /srv/holibot/builds/9f86d081884c-2c26b46b.log
archive:
  description: The release as an archive for other hosts, or V(null).
  returned: success with O(state=ready)
  type: dict
  contains:
    path:
      description: The file.
      type: str
    sha256:
      description: Its checksum.
      type: str
removed:
  description: The releases that were removed, or would be.
  returned: success
  type: list
  elements: str
live:
  description: The release that went live last, or V(null).
  returned: success
  type: str
good:
  description: The releases that are good, the one that became so last first.
  returned: success
  type: list
  elements: str
releases:
  description: What became last of each release.
  returned: success
  type: dict
  sample: {9f86d081884c-2c26b46b: ready}
"""

import time
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.release import (
    release_argument_spec,
    request_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_release import keep_releases
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import every_form
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, **release_argument_spec().to_kwargs())
    options = dict(module.params)
    conceal(module, "secrets", every_form(map(str, options["secrets"].values())))
    host = Host(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        paths=HostPaths(),
        processes=HostProcesses(),
        trees=HostTrees(),
        clock=time.monotonic,
        now=lambda: datetime.now(timezone.utc),
    )
    run(module, lambda: keep_releases(request_of(options), host, check_mode=module.check_mode))


if __name__ == "__main__":
    main()
