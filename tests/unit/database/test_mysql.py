# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, Tls
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Failure, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import Mysql, format_style
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE

SECRET = "canary\"s'e#cret"
ADDRESS = Address("mysql", "shop", "db.example", 3306, user="app", password=SECRET)

ENGINE: Engine = Mysql()


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("orders", "`orders`"),
        ("order", "`order`"),
        ("my orders", "`my orders`"),
        ("a`b``", "`a``b`````"),
        ("a\\'\"", "`a\\'\"`"),
        ("größe", "`größe`"),
        ("日" * 64, f"`{'日' * 64}`"),
    ],
)
def test_name_is_quoted(name: str, quoted: str) -> None:
    assert ENGINE.quote(name) == quoted


@pytest.mark.parametrize("name", ["", "a\0b", "a" * 65, "a ", "smile😀", "\udcff"])
def test_name_that_no_server_takes_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        ENGINE.quote(name)


def test_qualified_name_has_the_database_if_it_is_given() -> None:
    assert ENGINE.qualified(Table("a`b")) == "`a``b`"
    assert ENGINE.qualified(Table("a`b", "my db")) == "`my db`.`a``b`"


@pytest.mark.parametrize(
    ("sql", "translated"),
    [
        ("SELECT ? + ?", "SELECT %s + %s"),
        ("SELECT 5 % 3, ?", "SELECT 5 %% 3, %s"),
        ("SELECT '?', '%', ?", "SELECT '?', '%%', %s"),
        ("SELECT 'it''s ?', ?", "SELECT 'it''s ?', %s"),
        (r"SELECT 'it\'s ?', ?", r"SELECT 'it\'s ?', %s"),
        ('SELECT "a\\"?", "b""?", ?', 'SELECT "a\\"?", "b""?", %s'),
        ("SELECT `a?``b?`, ?", "SELECT `a?``b?`, %s"),
        ("SELECT 1 -- why?\n, ?", "SELECT 1 -- why?\n, %s"),
        ("SELECT 1 --?", "SELECT 1 --%s"),
        ("SELECT 1 # why?\n, ?", "SELECT 1 # why?\n, %s"),
        ("SELECT 1 /* why?\n */, ?", "SELECT 1 /* why?\n */, %s"),
        ("SELECT 1 /* ' */, ? /* ' */", "SELECT 1 /* ' */, %s /* ' */"),
    ],
)
def test_placeholders_are_translated_outside_of_texts_names_and_comments(sql: str, translated: str) -> None:
    assert format_style(sql) == translated


@pytest.mark.parametrize(
    ("limits", "statements"),
    [
        ({}, []),
        (
            {"statement_timeout": 1.5},
            ["SET /*M!100101 SESSION max_statement_time = 1.500 */ /*!50708 SESSION max_execution_time = 1500 */"],
        ),
        (
            # Zero would mean no limit at all.
            {"statement_timeout": 0.0001},
            ["SET /*M!100101 SESSION max_statement_time = 0.001 */ /*!50708 SESSION max_execution_time = 1 */"],
        ),
        (
            {"statement_timeout": 0},
            ["SET /*M!100101 SESSION max_statement_time = 0.000 */ /*!50708 SESSION max_execution_time = 0 */"],
        ),
        ({"lock_timeout": 0.2}, ["SET SESSION lock_wait_timeout = 1, SESSION innodb_lock_wait_timeout = 1"]),
        ({"lock_timeout": 2.1}, ["SET SESSION lock_wait_timeout = 3, SESSION innodb_lock_wait_timeout = 3"]),
        ({"read_only": True}, ["SET SESSION TRANSACTION READ ONLY"]),
    ],
)
def test_session_is_set_up(limits: dict[str, float], statements: list[str]) -> None:
    assert list(Mysql().session(**limits)) == statements  # type: ignore[arg-type]


def test_maintenance_names_each_table() -> None:
    tables = [Table("a"), Table("b`")]

    assert list(ENGINE.maintenance("analyze", tables)) == ["ANALYZE TABLE `a`", "ANALYZE TABLE `b```"]
    assert list(ENGINE.maintenance("vacuum", tables)) == ["OPTIMIZE TABLE `a`", "OPTIMIZE TABLE `b```"]


def _option_file(address: Address) -> dict[str, dict[str, str]]:
    file = ENGINE.client(address).file
    assert file is not None
    groups: dict[str, dict[str, str]] = {}
    for line in file.splitlines():
        if line.startswith("["):
            options = groups.setdefault(line.strip("[]"), {})
        else:
            name, _equals, value = line.partition("=")
            options[name] = value
    return groups


def test_password_is_in_the_option_file_alone() -> None:
    access = ENGINE.client(ADDRESS)

    # Anything but --defaults-file would let ~/.my.cnf have the last word.
    assert access.arguments == (f"--defaults-file={FILE}",)
    assert access.environment == {"MYSQL_TEST_LOGIN_FILE": "/dev/null"}
    assert _option_file(ADDRESS)["client"]["password"] == '"canary\\"s\'e#cret"'
    assert "canary" not in repr(access)


def test_option_file_says_where_and_who() -> None:
    assert _option_file(ADDRESS) == {
        "client": {
            "host": '"db.example"',
            "port": '"3306"',
            "protocol": '"tcp"',
            "user": '"app"',
            "password": '"canary\\"s\'e#cret"',
            "default-character-set": '"utf8mb4"',
        },
        "client-mariadb": {"ssl": '"1"', "ssl-verify-server-cert": '"0"'},
        "mysql": {"max-allowed-packet": '"1G"', "connect-timeout": '"10"'},
        "mysqldump": {"max-allowed-packet": '"1G"'},
    }


def test_option_file_for_a_socket_speaks_no_tls_and_no_password_is_an_empty_one() -> None:
    address = Address("mysql", "shop", socket="/run/my sock", tls=Tls("verify-full", "/ca.pem"))

    groups = _option_file(address)

    assert groups["client"] == {
        "socket": '"/run/my sock"',
        "protocol": '"socket"',
        "password": '""',
        "default-character-set": '"utf8mb4"',
    }
    assert groups["client-mariadb"] == {"ssl": '"0"', "ssl-verify-server-cert": '"0"'}


@pytest.mark.parametrize(
    ("tls", "of_all", "of_mariadb"),
    [
        (Tls("disable", "/ca"), {"loose-ssl-mode": '"DISABLED"'}, ("0", "0")),
        (Tls("prefer", "/ca"), {}, ("1", "0")),
        (Tls("require", "/ca"), {"loose-ssl-mode": '"REQUIRED"'}, ("1", "0")),
        (Tls("verify-ca", "/ca"), {"loose-ssl-mode": '"VERIFY_CA"', "ssl-ca": '"/ca"'}, ("1", "1")),
        (Tls("verify-full"), {"loose-ssl-mode": '"VERIFY_IDENTITY"'}, ("1", "1")),
        (
            Tls("verify-full", "/ca", "/cert", "/key"),
            {
                "loose-ssl-mode": '"VERIFY_IDENTITY"',
                "ssl-ca": '"/ca"',
                "ssl-cert": '"/cert"',
                "ssl-key": '"/key"',
            },
            ("1", "1"),
        ),
    ],
)
def test_option_file_says_how_tls_is_spoken(tls: Tls, of_all: dict[str, str], of_mariadb: tuple[str, str]) -> None:
    groups = _option_file(replace(ADDRESS, tls=tls))

    assert {name: value for name, value in groups["client"].items() if "ssl" in name} == of_all
    assert tuple(groups["client-mariadb"].values()) == tuple(f'"{value}"' for value in of_mariadb)


@pytest.mark.parametrize("password", ["a\0b", "a" * 4001, "\\" * 2001])
def test_password_that_no_option_file_can_hold_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ENGINE.client(replace(ADDRESS, password=password))

    assert password not in str(refusal.value)


# As MariaDB 10.11 and 11.8, their tools and PyMySQL say it.
SAID = [
    ("1045", "Access denied for user 'app'@'172.17.0.1' (using password: YES)", "login", ""),
    ("", "ERROR 1045 (28000): Access denied for user 'app'@'localhost' (using password: YES)", "login", ""),
    ("", "mariadb-dump: Got error: 1045: \"Access denied for user 'app'@'%'\" when trying to connect", "login", ""),
    ("", "ERROR 1698 (28000): Access denied for user 'evil'@'289b71c54564'", "login", ""),
    ("1130", "Host '172.17.0.1' is not allowed to connect to this MariaDB server", "login", ""),
    ("1862", "Your password has expired.", "login", ""),
    ("1049", "Unknown database 'shop_old'", "unknown_database", "(shop_old)"),
    ("2003", "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)", "refused", ""),
    ("2003", "Can't connect to MySQL server on 'localhost' ([Errno 2] No such file or directory)", "refused", ""),
    ("", "ERROR 2002 (HY000): Can't connect to local server through socket '/run/x.sock' (2)", "refused", ""),
    ("", "ERROR 2002 (HY000): Can't connect to server on '127.0.0.1' (115)", "refused", ""),
    ("2003", "Can't connect to MySQL server on 'db' (timed out)", "timeout", ""),
    ("2013", "Lost connection to MySQL server during query (timed out)", "timeout", ""),
    ("", "ERROR 2002 (HY000): Can't connect to server on 'db' (110)", "timeout", ""),
    ("", "ERROR 2013 (HY000): Lost connection to server at 'handshake', system error: 110", "timeout", ""),
    ("2003", "Can't connect to MySQL server on 'x.invalid' ([Errno -2] Name or service not known)", "address", ""),
    ("", "ERROR 2005 (HY000): Unknown server host 'x.invalid' (-2)", "address", ""),
    (
        "2003",
        "Can't connect to MySQL server on 'db' ([SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed:"
        " self-signed certificate in certificate chain (_ssl.c:1006))",
        "tls",
        "(self-signed certificate in certificate chain)",
    ),
    (
        "",
        "Warning: mariadb: unknown variable 'loose-ssl-mode=VERIFY_IDENTITY'\n"
        "ERROR 2026 (HY000): TLS/SSL error: self-signed certificate in certificate chain\n",
        "tls",
        "(self-signed certificate in certificate chain)",
    ),
    ("3159", "Connections using insecure transport are prohibited while --require_secure_transport=ON.", "tls", ""),
    ("1044", "Access denied for user 'app'@'%' to database 'other'", "permission", ""),
    ("1142", "SELECT, LOCK TABLES command denied to user 'app'@'%' for table `a`.`b`", "permission", "LOCK TABLES)"),
    (
        "1227",
        "Access denied; you need (at least one of) the SUPER, SET USER privilege(s) for this operation",
        "permission",
        "(SUPER, SET USER)",
    ),
    (
        "",
        "mysqldump: Error: 'Access denied; you need (at least one of) the PROCESS privilege(s) for this operation' when"
        " trying to dump tablespaces",
        "permission",
        "(PROCESS)",
    ),
    ("1205", "Lock wait timeout exceeded; try restarting transaction", "locked", ""),
    ("1213", "Deadlock found when trying to get lock; try restarting transaction", "locked", ""),
    ("3572", "Statement aborted because lock(s) could not be acquired immediately.", "locked", ""),
    ("1020", "Record has changed since last read in table 't'", "locked", ""),
    ("1969", "Query execution was interrupted (max_statement_time exceeded)", "timeout", ""),
    ("3024", "Query execution was interrupted, maximum statement execution time exceeded", "timeout", ""),
    ("1290", "The MariaDB server is running with the --read-only option so it cannot execute", "read_only", ""),
    ("1290", "The MySQL server is running with the --super-read-only option so it cannot", "read_only", ""),
    ("1290", "The MariaDB server is running with the --secure-file-priv option so it", "other", "error 1290"),
    ("1836", "Running in read-only mode", "read_only", ""),
    ("1792", "Cannot execute statement in a READ ONLY transaction", "read_only", ""),
    ("1021", "Disk full (/tmp/#sql); waiting for someone to free some space...", "disk_full", ""),
    ("3", "Error writing file '/tmp/MLfd=9' (Errcode: 28 \"No space left on device\")", "disk_full", ""),
    ("1114", "The table 'x' is full", "disk_full", ""),
    ("1030", 'Got error 28 "No space left on device" from storage engine InnoDB', "disk_full", ""),
    ("", "mariadb-dump: Got errno 28 on write", "disk_full", ""),
    ("1030", "Got error 168 from storage engine InnoDB", "other", "error 1030: Got error 168 from storage engine"),
    ("1146", "Table 'shop.users' doesn't exist", "missing", "(shop.users)"),
    (
        "",
        "mariadb-dump: Couldn't execute 'show create table `u`': Table 's.u' doesn't exist (1146)",
        "missing",
        "(s.u)",
    ),
    ("1054", "Unknown column 'priority' in 'SELECT'", "missing", "(priority)"),
    ("1305", "PROCEDURE shop.refresh does not exist", "missing", "(shop.refresh)"),
    ("1062", "Duplicate entry 'secret-value' for key 'PRIMARY'", "duplicate", "(for key 'PRIMARY')"),
    ("1050", "Table 'users' already exists", "duplicate", "(users)"),
    ("1060", "Duplicate column name 'a'", "duplicate", "(a)"),
    (
        "1451",
        "Cannot delete or update a parent row: a foreign key constraint fails (`s`.`c`, CONSTRAINT `c_ibfk_1` FOREIGN",
        "constraint",
        "(CONSTRAINT `c_ibfk_1`)",
    ),
    ("1452", "Cannot add or update a child row: a foreign key constraint fails (`s`.`c`)", "constraint", ""),
    ("4025", "CONSTRAINT `positive` failed for `shop`.`t`", "constraint", "(CONSTRAINT `positive`)"),
    ("3819", "Check constraint 'positive' is violated.", "constraint", "(constraint 'positive')"),
    ("1366", "Incorrect integer value: 'secret-value' for column `s`.`t`.`a` at row 1", "constraint", ""),
    ("1064", "You have an error in your SQL syntax; near 'secret-value' at line 3", "syntax", "(line 3)"),
    ("", "ERROR 1064 (42000) at line 7: You have an error; near 'secret-value' at line 1", "syntax", "(line 7)"),
    ("1412", "Table definition has changed, please retry transaction", "changed", ""),
    ("1153", "Got a packet bigger than 'max_allowed_packet' bytes", "other", ""),
    ("", "mariadb-dump: Error 2020: Got packet bigger than 'max_allowed_packet' bytes when dumping", "other", ""),
    ("2006", "MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))", "other", ""),
    ("", "mariadb-dump: Error 2013: Lost connection to server during query when dumping table `t`", "other", ""),
    ("1040", "Too many connections", "refused", ""),
    ("1273", "Unknown collation: 'utf8mb4_0900_ai_ci'", "version", "(utf8mb4_0900_ai_ci)"),
    ("", "mariadb-dump: unknown variable 'set-gtid-purged=OFF'", "version", "(set-gtid-purged)"),
    ("", "mariadb-dump: unknown option '--column-statistics'", "version", "(--column-statistics)"),
    ("2059", "Authentication plugin 'caching_sha2_password' cannot be loaded", "version", "(caching_sha2_password)"),
    ("", "'cryptography' package is required for sha256_password or caching_sha2_password auth", "driver", ""),
    ("", "Packet sequence number wrong - got 45 expected 0", "refused", "another service"),
    ("1034", "Index for table 't' is corrupt; try to repair it", "corrupt", ""),
    (
        "1071",
        "Specified key was too long; max key length is 3072 bytes",
        "other",
        "error 1071: Specified key was too lo",
    ),
    ("1102", "Incorrect database name 'secret-value'", "other", "(error 1102: Incorrect database name)"),
    ("1644", "No secret-value please", "other", "(error 1644)"),
    ("30001", "No secret-value please", "other", "(error 30001)"),
    ("", "", "other", "reports a failure."),
]


@pytest.mark.parametrize(("code", "message", "reason", "detail"), SAID)
def test_failure_is_explained(code: str, message: str, reason: str, detail: str) -> None:
    error = ENGINE.explain(Failure(code, message), ADDRESS)

    assert error.reason == reason
    assert error.message.startswith("mysql://app@db.example:3306/shop: ")
    assert detail in error.message
    assert "secret-value" not in error.message


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (("1064", "near"), 1064),
        (("", "ERROR at line 2: x\nERROR 1064 (42000) at line 2: y"), 1064),
        (("42000", ""), 42000),
        (("", "no number"), None),
    ],
)
def test_number_of_the_error_is_among_the_details(said: tuple[str, str], number: int | None) -> None:
    assert ENGINE.explain(Failure(*said), ADDRESS).details["code"] == number


@pytest.mark.parametrize(
    "message",
    [
        f"Unknown column 'a{SECRET}'",
        f"Access for {SECRET}",
        f"Table '{SECRET}' doesn't exist (1146)",
        f"ERROR 1071 (42000): {SECRET}",
    ],
)
@pytest.mark.parametrize("code", ["", "1054", "1045", "1071"])
def test_password_is_in_no_explanation(message: str, code: str) -> None:
    assert SECRET not in str(ENGINE.explain(Failure(code, message), ADDRESS).__dict__)


def test_password_that_is_the_name_of_a_table_is_in_no_explanation() -> None:
    error = ENGINE.explain(Failure("1146", "Table 'shop.hunter' doesn't exist"), replace(ADDRESS, password="hunter"))

    assert error.reason == "missing"
    assert "hunter" not in error.message
