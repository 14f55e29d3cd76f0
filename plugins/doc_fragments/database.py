# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of module_utils/_database/options.py."""

    DOCUMENTATION = r"""
options:
  database:
    description:
      - "The address of the database as a URL: C(sqlite:///srv/app/data.db), C(mysql://user@host:3306/name) or
        C(postgresql://user@host/name?sslmode=verify-full). C(mariadb:), C(postgres:) and Prisma's C(file:) are
        understood too."
      - "Parameters: C(sslmode) (V(disable), V(prefer), V(require), V(verify-ca), V(verify-full)), C(sslrootcert),
        C(sslcert), C(sslkey), C(socket) (the path of a socket in place of a host), C(connect_timeout) (seconds)."
    type: str
    required: true
  database_password:
    description:
      - The password, as it is. It need not be percent-encoded here, and wins over one in O(database).
      - Programs get it through memory that only they can read, never through an argument, a variable or a file.
    type: str
requirements:
  - PyMySQL for MySQL and MariaDB; psycopg2 or psycopg for PostgreSQL; nothing for SQLite
"""
