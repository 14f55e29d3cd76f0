#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: db_backup
short_description: Have a proved backup of a database
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Takes a backup of a SQLite, MySQL, MariaDB or PostgreSQL database of one moment, while applications go on writing.
    It is restored into a private scratch and compared with the database before it counts as a backup.
  - A backup is a file and a manifest beside it, which is written last. A file without one is no backup. Until then the
    file has another name, and whatever fails, nothing of it is left and earlier backups are as they were.
  - Removes backups by rules (O(keep)) and copies them off the host (O(copy_to)), once the new one is done.
  - Runs on the host that has the engine's tools, which need not be that of the database.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.database
  - shipshape.webapp.backup
attributes:
  check_mode:
    support: full
    details:
      - Logs in and looks at everything that could be refused. Neither dumps nor writes anything.
  diff_mode:
    support: full
    details:
      - Lists the backups before and after. The new one stands there as a pattern, since its name holds the time.
  idempotent:
    support: full
    details:
      - With O(max_age) or O(skip_unchanged). Without them every run takes a backup, as one would expect of it.
options:
  directory:
    description:
      - Where the backups are, as an absolute path. It is made if need be, with mode 0700, in a directory that is there.
    type: path
    required: true
  verify:
    description:
      - How far the backup is proved before it counts as one. Each level includes those before it.
      - V(checksum) reads it back from the disk. V(structure) unpacks it and reads the whole dump.
      - V(restore) restores it into a scratch and compares tables, numbers of rows and the schema with the database at
        the moment of the backup. Events and subscriptions do not run there.
    type: str
    choices: [none, checksum, structure, restore]
    default: restore
  verify_in:
    description:
      - "Where a dump is restored for O(verify=restore). V(private_server): a server of the module's own, which listens
        on a private socket and needs the engine's server program of the same version on this host.
        V(scratch_database): a database of its own on the same server, which needs the right to create one."
      - V(auto) takes a private server if its programs are there, otherwise a scratch database. SQLite needs neither.
    type: str
    choices: [auto, private_server, scratch_database]
    default: auto
  compress:
    description:
      - By what the dump is compressed. V(auto) takes the first of V(zstd), V(pigz) and V(gzip) that is installed.
    type: str
    choices: [auto, zstd, pigz, gzip, none]
    default: auto
  compress_level:
    description:
      - How strongly. By default 1, which is much faster than what the tools do by themselves, and makes of rows of a
        database a file that is nearly as small.
    type: int
  encrypt_to:
    description:
      - The public keys of those who can read the backup, as L(age,https://age-encryption.org) takes them (C(age1…),
        C(ssh-ed25519 …)). Nobody else can, not even this host once the module has ended.
      - It is verified all the same, by a key that exists only while the module runs.
    type: list
    elements: str
    default: []
  max_age:
    description:
      - Take a backup only if there is none that is younger than this (such as V(90m), V(12h), V(1d)) and verified as
        far as O(verify) says.
    type: str
  skip_unchanged:
    description:
      - Take a backup only if the rows or the schema have changed since the newest one. For this the module reads all
        rows.
    type: bool
    default: false
  keep:
    description:
      - "Which backups of this database stay: V(last), V(hourly), V(daily), V(weekly), V(monthly), V(yearly) with
        numbers, and V(within) with a length of time, by the rules of C(restic forget). By default all stay."
      - The newest backup and the newest verified one always stay. Nothing is removed by a run that failed.
    type: dict
    default: {}
  copy_to:
    description:
      - A remote of C(rclone) and a path in it, such as V(offsite:holibot), to which finished backups are copied that
        are not there yet. What arrived is read back and compared.
      - Nothing is ever removed there.
    type: str
  rclone_config:
    description:
      - The configuration of C(rclone). By default its own.
    type: path
  release:
    description:
      - What to write into the manifest as the application's release.
    type: str
notes:
  - While it runs, the file C(.<name>.lock) in O(directory) tells how far it is, as does
    M(shipshape.webapp.db_backup_info).
seealso:
  - module: shipshape.webapp.db_restore
  - module: shipshape.webapp.db_backup_info
"""

EXAMPLES = r"""
- name: Back up FaceShot's database every night, and prove it
  shipshape.webapp.db_backup:
    database: sqlite:///srv/faceshot/shared/data/faceshot.db
    directory: /var/backups/faceshot
    keep: {daily: 14, weekly: 8, monthly: 6}

- name: Have a backup of the last twelve hours, encrypted and off the host
  shipshape.webapp.db_backup:
    database: mysql://holibot@db.example.com/holibot?sslmode=verify-full
    database_password: "{{ vault_holibot_db_password }}"
    directory: /var/backups/holibot
    max_age: 12h
    encrypt_to: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
    copy_to: offsite:holibot
    keep: {last: 3, daily: 7, weekly: 4}

# The user may not create databases, and the host has no server programs.
- name: Back up a database on a managed server
  shipshape.webapp.db_backup:
    database: postgresql://carloans@db.example.com/carloans?sslmode=verify-full
    database_password: "{{ vault_carloans_db_password }}"
    directory: /var/backups/carloans
    verify: structure
"""

RETURN = r"""
backup:
  description:
    - The manifest of the backup that was taken or that made another needless, and its C(path). In check mode V(null) if
      one would be taken.
  returned: success
  type: dict
  contains:
    id:
      description: What M(shipshape.webapp.db_restore) finds it by.
      type: str
      sample: holibot-20261120T020000Z-1a2b3c
    path:
      description: The file.
      type: str
    bytes:
      description: Its size.
      type: int
    sha256:
      description: Its SHA-256.
      type: str
    taken:
      description: When, with the time zone of the host.
      type: str
    seconds:
      description: How long it took, with its verification.
      type: float
    consistency:
      description: V(snapshot), or V(lock) if writers had to wait because tables know no transactions.
      type: str
    tables:
      description: The schema, name and number of rows of each table.
      type: list
      elements: dict
    schema_sha256:
      description: A fingerprint of the schema.
      type: str
    ledger:
      description: The table that lists applied migrations, how many it lists, and the last; V(null) if none is known.
      type: dict
    verified:
      description: The level, the time and the place of the verification; V(null) for O(verify=none).
      type: dict
      sample: {level: restore, at: "2026-11-20T02:00:09+01:00", where: private server}
    release:
      description: What O(release) said.
      type: str
reason:
  description: Why a backup was taken, or why not.
  returned: success
  type: str
  sample: one is younger than max_age
pattern:
  description: What the name of a new backup looks like.
  returned: success
  type: str
  sample: holibot-YYYYMMDDTHHMMSSZ-xxxxxx.sql.zst
pruned:
  description: The ids of the backups that were removed, or would be.
  returned: success
  type: list
  elements: str
kept:
  description: The backups that stay, each with all that speaks for it.
  returned: success
  type: list
  elements: dict
  sample: [{id: holibot-20261120T020000Z-1a2b3c, reasons: [daily 2026-11-20, newest]}]
copied:
  description: The ids of the backups that were copied to O(copy_to), or would be.
  returned: success
  type: list
  elements: str
differences:
  description: In what the restored backup was not like the database.
  returned: failure of the verification
  type: list
  elements: str
  sample: [Table orders has 41 rows instead of 42.]
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import LEVELS
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.options import (
    name_of,
    terms_argument_spec,
    terms_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.packing import COMPRESS
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.plan import parse_age
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.registry import STRATEGIES
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.retention import parse_policy
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_backup import Request, back_up
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import PLACES
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import (
    address_of,
    database_argument_spec,
    secrets_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result


def backup_argument_spec() -> ArgumentSpec:
    """The options of this module alone."""
    return ArgumentSpec(
        {
            "directory": {"type": "path", "required": True},
            "verify": {"type": "str", "choices": list(LEVELS), "default": "restore"},
            "verify_in": {"type": "str", "choices": list(PLACES), "default": "auto"},
            "compress": {"type": "str", "choices": list(COMPRESS), "default": "auto"},
            "compress_level": {"type": "int"},
            "encrypt_to": {"type": "list", "elements": "str", "default": []},
            "max_age": {"type": "str"},
            "skip_unchanged": {"type": "bool", "default": False},
            "keep": {"type": "dict", "default": {}},
            "copy_to": {"type": "str"},
            "rclone_config": {"type": "path"},
            "release": {"type": "str"},
        }
    )


def request_of(params: Mapping[str, Any]) -> Request:
    """What the options ask for."""
    address = address_of(params)
    alike = ("directory", "verify", "verify_in", "compress", "compress_level", "skip_unchanged", "copy_to")
    return Request(
        address=address,
        name=name_of(params, address),
        terms=terms_of(params),
        encrypt_to=tuple(params["encrypt_to"]),
        max_age=parse_age("max_age", params["max_age"]),
        keep=parse_policy(params["keep"]),
        **{option: params[option] for option in (*alike, "rclone_config", "release")},
    )


def main() -> None:
    spec = backup_argument_spec().merge(terms_argument_spec(), database_argument_spec())
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    params = dict(module.params)

    def use_case() -> Result:
        request = request_of(params)
        strategy = STRATEGIES[request.address.engine]
        return back_up(request, host=this_host(), strategy=strategy, check_mode=module.check_mode)

    conceal(module, "database", secrets_of(params))
    run(module, use_case)


if __name__ == "__main__":
    main()
