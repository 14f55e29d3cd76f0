# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Awkward scripts, each with the statements that are in it.

What is not in the lists called UNCONFIRMED (broken off or mistaken) is as the engine wants it, which tests ask it.
"""

from __future__ import annotations

Script = tuple[str, list[str]]

BREAK = "--> statement-breakpoint"

# What reads alike in all dialects.
ANY: list[Script] = [
    ("", []),
    (";", []),
    (" \t\r\n;\n;; ;\n", []),
    ("\ufeff", []),
    ("\ufeff;", []),
    ("-- nothing", []),
    ("-- nothing; at all\n", []),
    ("/* nothing; at all */", []),
    ("/* nothing */;/* at all */;", []),
    ("/**/", []),
    ("-- a\n-- b\n\n/* c\n */\n", []),
    ("\ufeffSELECT 1;", ["SELECT 1"]),
    ("\ufeff-- a\nSELECT 1;", ["SELECT 1"]),
    ("SELECT 1", ["SELECT 1"]),
    ("SELECT 1;", ["SELECT 1"]),
    ("SELECT 1;;;", ["SELECT 1"]),
    (";;SELECT 1", ["SELECT 1"]),
    ("SELECT 1;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 ; SELECT 2 ;", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1;\r\nSELECT 2;\r\n", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1,\r\n  2;\r\n", ["SELECT 1,\r\n  2"]),
    ("SELECT\t1\f;", ["SELECT\t1"]),
    ("SELECT ';';SELECT 2", ["SELECT ';'", "SELECT 2"]),
    ("SELECT ';\n;';", ["SELECT ';\n;'"]),
    ("SELECT 'it''s; x';SELECT 2", ["SELECT 'it''s; x'", "SELECT 2"]),
    ("SELECT '''';SELECT ''';';SELECT 3", ["SELECT ''''", "SELECT ''';'", "SELECT 3"]),
    ("SELECT '';SELECT 2", ["SELECT ''", "SELECT 2"]),
    ("SELECT '-- x';SELECT 2", ["SELECT '-- x'", "SELECT 2"]),
    ("SELECT '/* x';SELECT '*/'", ["SELECT '/* x'", "SELECT '*/'"]),
    ("SELECT 'ä;€';SELECT '\u3000;'", ["SELECT 'ä;€'", "SELECT '\u3000;'"]),
    ("SELECT 1 -- a; b\n;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 -- it's\n, 2;SELECT 3", ["SELECT 1 -- it's\n, 2", "SELECT 3"]),
    ("SELECT 1 /* a; b */;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1 /* it's; */ + 2;SELECT 3", ["SELECT 1 /* it's; */ + 2", "SELECT 3"]),
    ('SELECT 1 /* " ; */ + 2;SELECT 3', ['SELECT 1 /* " ; */ + 2', "SELECT 3"]),
    ("SELECT 1 /*/ ; */ + 2;SELECT 3", ["SELECT 1 /*/ ; */ + 2", "SELECT 3"]),
    ("SELECT 1 /***/;SELECT 2 /* ; **/;", ["SELECT 1", "SELECT 2"]),
    ("/* a */ SELECT 1 /* b */; -- c\n/* d */ SELECT 2 -- e", ["SELECT 1", "SELECT 2"]),
    ("SELECT 4/2;SELECT 3 * 2;SELECT 5 - 3;", ["SELECT 4/2", "SELECT 3 * 2", "SELECT 5 - 3"]),
    ("SELECT 5 - -3;SELECT 2", ["SELECT 5 - -3", "SELECT 2"]),
    ("SELECT 1 -- a\r\n;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1; -- the end", ["SELECT 1"]),
    ("SELECT (1);SELECT ((2))", ["SELECT (1)", "SELECT ((2))"]),
    ("SELECT CASE WHEN 1 = 1 THEN 2 END;SELECT 3", ["SELECT CASE WHEN 1 = 1 THEN 2 END", "SELECT 3"]),
    ("BEGIN;SELECT 1;COMMIT", ["BEGIN", "SELECT 1", "COMMIT"]),
    ("ROLLBACK;BEGIN;ROLLBACK;", ["ROLLBACK", "BEGIN", "ROLLBACK"]),
]

# Drizzle's lines, as it writes them and as people change them.
BREAKPOINTS: list[Script] = [
    (f"SELECT 1;\n{BREAK}\nSELECT 2;", ["SELECT 1", "SELECT 2"]),
    (f"SELECT 1;{BREAK}\nSELECT 2;", ["SELECT 1", "SELECT 2"]),
    (f"SELECT 1\n{BREAK}\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    (f"SELECT 1\r\n  {BREAK} \r\nSELECT 2\r\n", ["SELECT 1", "SELECT 2"]),
    (f"{BREAK}\nSELECT 1\n{BREAK}", ["SELECT 1"]),
    (f"{BREAK}\n{BREAK}\n;{BREAK}", []),
    ("SELECT 1\n-->statement-breakpoint\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    (f"SELECT '\n{BREAK}\n';SELECT 2", [f"SELECT '\n{BREAK}\n'", "SELECT 2"]),
    (f"SELECT 1 /*\n{BREAK}\n*/ + 2", [f"SELECT 1 /*\n{BREAK}\n*/ + 2"]),
    (f"SELECT 1 {BREAK} x\n+ 2", [f"SELECT 1 {BREAK} x\n+ 2"]),
    (f"SELECT 1 -- {BREAK}\n+ 2", [f"SELECT 1 -- {BREAK}\n+ 2"]),
]

ANY_UNCONFIRMED: list[Script] = [
    ("/* never closed; SELECT 1;", []),
    ("SELECT 1; /* the end", ["SELECT 1"]),
    ("SELECT 'never closed; SELECT 2;\n", ["SELECT 'never closed; SELECT 2;\n"]),
]

SQLITE_TRIGGER = "CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = 1; DELETE FROM t; END"

SQLITE: list[Script] = [
    (SQLITE_TRIGGER, [SQLITE_TRIGGER]),
    (f"{SQLITE_TRIGGER};SELECT 1", [SQLITE_TRIGGER, "SELECT 1"]),
    (f"{SQLITE_TRIGGER} ; {SQLITE_TRIGGER};", [SQLITE_TRIGGER, SQLITE_TRIGGER]),
    *(
        ((form := f"{head} r AFTER INSERT ON t BEGIN SELECT 1; {end}") + ";SELECT 2", [form, "SELECT 2"])
        for head in (
            "CREATE TRIGGER",
            "create temp trigger",
            "Create Temporary Trigger",
            "CREATE TEMP TEMPORARY TRIGGER",
            "CREATE/**/TEMP\nTRIGGER IF NOT EXISTS",
            "EXPLAIN CREATE TRIGGER",
            "EXPLAIN QUERY PLAN CREATE TEMP TRIGGER",
            "CREATE -- a;\n TRIGGER",
        )
        for end in ("END", "end", ";END")
    ),
    *(
        ((form := f"CREATE TRIGGER r AFTER INSERT ON t BEGIN {inside}; END") + ";SELECT 2", [form, "SELECT 2"])
        for inside in (
            "SELECT CASE WHEN new.a > 1 THEN RAISE(ABORT, 'no; END;') END",
            "SELECT CASE a WHEN 1 THEN CASE b WHEN 2 THEN 3 END END",
            "SELECT ';' ; SELECT '; END;'",
            'UPDATE t SET "END" = 1; DELETE FROM "; END;"',
            "UPDATE t SET [END] = 1; DELETE FROM [; END;]",
            "UPDATE t SET `; END;` = 1",
            "SELECT new.end; SELECT new.\nend",
            "SELECT 1; -- ; END;\n SELECT 2",
            "SELECT 1; /* ; END; */ SELECT 2",
            "SELECT a AS `end`",
            "SELECT 1; END + 1",
            "SELECT 1; ENDING",
            "SELECT 1; END$",
            "SELECT 1; ENDé",
            "SELECT 1; 'END'",
            "SELECT 1; 1END",
            'SELECT 1; "END"',
            "SELECT 1; [END]",
            "SELECT 1;\v",
        )
    ),
    ("SELECT 1;END;SELECT 2", ["SELECT 1", "END", "SELECT 2"]),
    ("BEGIN; END; SELECT 1", ["BEGIN", "END", "SELECT 1"]),
    ("BEGIN IMMEDIATE;SELECT 1;END TRANSACTION", ["BEGIN IMMEDIATE", "SELECT 1", "END TRANSACTION"]),
    ("CREATE TABLE trigger (a);SELECT 1", ["CREATE TABLE trigger (a)", "SELECT 1"]),
    ("CREATE INDEX trigger ON t(a);SELECT 1", ["CREATE INDEX trigger ON t(a)", "SELECT 1"]),
    ('CREATE "TRIGGER" x; SELECT 1', ['CREATE "TRIGGER" x', "SELECT 1"]),
    ("CREATE TEMP TABLE x(a);SELECT 1", ["CREATE TEMP TABLE x(a)", "SELECT 1"]),
    ("DROP TRIGGER r;SELECT 1", ["DROP TRIGGER r", "SELECT 1"]),
    *(
        (f"EXPLAIN {word} CREATE TRIGGER;SELECT 1", [f"EXPLAIN {word} CREATE TRIGGER", "SELECT 1"])
        for word in ("EXPLAIN", "TEMP", "TEMPORARY", "TRIGGER", "END", "end")
    ),
    ("EXPLAIN SELECT 1;SELECT 2", ["EXPLAIN SELECT 1", "SELECT 2"]),
    ("EXPLAIN $CREATE TRIGGER;SELECT 1", ["EXPLAIN $CREATE TRIGGER", "SELECT 1"]),
    ("EXPLAIN @CREATE TRIGGER;SELECT 1; END", ["EXPLAIN @CREATE TRIGGER;SELECT 1; END"]),
    ("EXPLAIN 1.CREATE TRIGGER;SELECT 1; END", ["EXPLAIN 1.CREATE TRIGGER;SELECT 1; END"]),
    ('SELECT "a;b";SELECT 2', ['SELECT "a;b"', "SELECT 2"]),
    ('SELECT "a"";b";SELECT 2', ['SELECT "a"";b"', "SELECT 2"]),
    ("SELECT [a;b];SELECT 2", ["SELECT [a;b]", "SELECT 2"]),
    ("SELECT [a'];SELECT '2'", ["SELECT [a']", "SELECT '2'"]),
    ("SELECT `a;``b;`;SELECT 2", ["SELECT `a;``b;`", "SELECT 2"]),
    ("SELECT x'ab';SELECT X'';", ["SELECT x'ab'", "SELECT X''"]),
    (r"SELECT '\';SELECT 2", [r"SELECT '\'", "SELECT 2"]),
    (r"SELECT 'a\'';SELECT 2;'", [r"SELECT 'a\'';SELECT 2;'"]),
    ("SELECT 1 --x;\n;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 5--1\n;SELECT 2", ["SELECT 5", "SELECT 2"]),
    ("SELECT 5 # 1;SELECT 2", ["SELECT 5 # 1", "SELECT 2"]),
    ("SELECT 1 /* /* ; */;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT (1;SELECT 2", ["SELECT (1", "SELECT 2"]),
    ("SELECT $$;SELECT 2;$$", ["SELECT $$", "SELECT 2", "$$"]),
    ("SELECT :a;SELECT ?1;SELECT @b;", ["SELECT :a", "SELECT ?1", "SELECT @b"]),
    ("SELECT [never closed;SELECT 2", ["SELECT [never closed;SELECT 2"]),
    ("PRAGMA foreign_keys=OFF;VACUUM;", ["PRAGMA foreign_keys=OFF", "VACUUM"]),
    (
        "CREATE TABLE `a` (\n\t`id` integer PRIMARY KEY,\n\t`x` text DEFAULT ';'\n);\nCREATE INDEX i ON `a` (`x`);\n",
        ["CREATE TABLE `a` (\n\t`id` integer PRIMARY KEY,\n\t`x` text DEFAULT ';'\n)", "CREATE INDEX i ON `a` (`x`)"],
    ),
]

SQLITE_UNCONFIRMED: list[Script] = [
    ("SELECT 1 --\n;\v;SELECT 2", ["SELECT 1", "\v", "SELECT 2"]),
    (f"CREATE TRIGGER r BEGIN SELECT 1;\n{BREAK}\nSELECT 2", ["CREATE TRIGGER r BEGIN SELECT 1;", "SELECT 2"]),
]


def _postgresql_function(body: str) -> str:
    return f"CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql {body}"


POSTGRESQL: list[Script] = [
    # Strings
    ("SELECT 'a'\n'b;';SELECT 2", ["SELECT 'a'\n'b;'", "SELECT 2"]),
    (r"SELECT '\';SELECT 2", [r"SELECT '\'", "SELECT 2"]),
    (r"SELECT '\\';SELECT '\;';", [r"SELECT '\\'", r"SELECT '\;'"]),
    (r"SELECT E'\'';SELECT 2", [r"SELECT E'\''", "SELECT 2"]),
    (r"SELECT e'\\';SELECT 2", [r"SELECT e'\\'", "SELECT 2"]),
    (r"SELECT E'\\\';';SELECT 2", [r"SELECT E'\\\';'", "SELECT 2"]),
    (r"SELECT E''';\'';SELECT 2", [r"SELECT E''';\''", "SELECT 2"]),
    ("SELECT E'a'\n'b\\';c';SELECT 2", ["SELECT E'a'\n'b\\';c'", "SELECT 2"]),
    ("SELECT E'a' -- c\n\n  'b\\';c';SELECT 2", ["SELECT E'a' -- c\n\n  'b\\';c'", "SELECT 2"]),
    ("SELECT E'a'\n-- c;\n'b\\';c';SELECT 2", ["SELECT E'a'\n-- c;\n'b\\';c'", "SELECT 2"]),
    ("SELECT 'a'\n'b\\';SELECT 2", ["SELECT 'a'\n'b\\'", "SELECT 2"]),
    (r"SELECT B'01', X'ff', N'a\';SELECT 2", [r"SELECT B'01', X'ff', N'a\'", "SELECT 2"]),
    (r"SELECT U&'\0061;';SELECT 2", [r"SELECT U&'\0061;'", "SELECT 2"]),
    ("SELECT U&'d!0061;' UESCAPE '!';SELECT 2", ["SELECT U&'d!0061;' UESCAPE '!'", "SELECT 2"]),
    (r'SELECT 1 AS U&"a;\0061";SELECT 2', [r'SELECT 1 AS U&"a;\0061"', "SELECT 2"]),
    ("SELECT 1 AS \"a;'\";SELECT '2'", ['SELECT 1 AS "a;\'"', "SELECT '2'"]),
    ('SELECT 1 AS "a"";";SELECT 2', ['SELECT 1 AS "a"";"', "SELECT 2"]),
    # Dollar quotes
    ("SELECT $$;$$;SELECT 2", ["SELECT $$;$$", "SELECT 2"]),
    ("SELECT $$$$;SELECT 2", ["SELECT $$$$", "SELECT 2"]),
    ("SELECT $$'$$;SELECT '2'", ["SELECT $$'$$", "SELECT '2'"]),
    ("SELECT $a$;$$;$a$;SELECT 2", ["SELECT $a$;$$;$a$", "SELECT 2"]),
    ("SELECT $a$;$A$;$a$;SELECT 2", ["SELECT $a$;$A$;$a$", "SELECT 2"]),
    ("SELECT $a$;$a;$a$;SELECT 2", ["SELECT $a$;$a;$a$", "SELECT 2"]),
    ("SELECT $a$ $b$a$;SELECT 2", ["SELECT $a$ $b$a$", "SELECT 2"]),
    ("SELECT $_a1$;$_a1$;SELECT 2", ["SELECT $_a1$;$_a1$", "SELECT 2"]),
    ("SELECT $ä$;$ä$;SELECT 2", ["SELECT $ä$;$ä$", "SELECT 2"]),
    ("SELECT $$--$$;SELECT $$/*$$;", ["SELECT $$--$$", "SELECT $$/*$$"]),
    ("SELECT 1 AS a$$;SELECT 2 AS b$$;", ["SELECT 1 AS a$$", "SELECT 2 AS b$$"]),
    ("SELECT 1 AS a$b$;SELECT 2 AS c$b$;", ["SELECT 1 AS a$b$", "SELECT 2 AS c$b$"]),
    ("SELECT $1;SELECT $2", ["SELECT $1", "SELECT $2"]),
    ("PREPARE p AS SELECT $1,$2;EXECUTE p(1,2);", ["PREPARE p AS SELECT $1,$2", "EXECUTE p(1,2)"]),
    ("DO $$ BEGIN PERFORM 1; END $$;SELECT 2", ["DO $$ BEGIN PERFORM 1; END $$", "SELECT 2"]),
    (
        "CREATE FUNCTION f() RETURNS void AS $x$\nBEGIN\n  EXECUTE $$SELECT ';'$$;\nEND\n$x$ LANGUAGE SQL;SELECT 2",
        [
            "CREATE FUNCTION f() RETURNS void AS $x$\nBEGIN\n  EXECUTE $$SELECT ';'$$;\nEND\n$x$ LANGUAGE SQL",
            "SELECT 2",
        ],
    ),
    # Comments and operators
    ("SELECT 1 /* a /* b; */ c; */ + 2;SELECT 3", ["SELECT 1 /* a /* b; */ c; */ + 2", "SELECT 3"]),
    ("SELECT 1 /*/**/;*/;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("/* /* */ SELECT 1; */ SELECT 2", ["SELECT 2"]),
    ("SELECT 1 /* /*/ ; */ ; */ + 2;SELECT 3", ["SELECT 1 /* /*/ ; */ ; */ + 2", "SELECT 3"]),
    ("SELECT 1--x;\n;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 5--1\r;SELECT 2", ["SELECT 5", "SELECT 2"]),
    ("SELECT 1 --a\r+ 2;SELECT 3", ["SELECT 1 --a\r+ 2", "SELECT 3"]),
    ("SELECT 5 */* ; */ 3;SELECT 2", ["SELECT 5 */* ; */ 3", "SELECT 2"]),
    ("SELECT 5 +-- ;\n3;SELECT 2", ["SELECT 5 +-- ;\n3", "SELECT 2"]),
    ("SELECT 5 # 3;SELECT 2", ["SELECT 5 # 3", "SELECT 2"]),
    ("SELECT '{}'::jsonb #>> '{a;b}';SELECT a[1:2];", ["SELECT '{}'::jsonb #>> '{a;b}'", "SELECT a[1:2]"]),
    ("SELECT 1 AS naïve;SELECT 2 AS é;", ["SELECT 1 AS naïve", "SELECT 2 AS é"]),
    ("SELECT 1\v;SELECT 2", ["SELECT 1", "SELECT 2"]),
    # Parentheses
    *(
        (f"CREATE RULE r AS ON INSERT TO t DO {do};SELECT 3", [f"CREATE RULE r AS ON INSERT TO t DO {do}", "SELECT 3"])
        for do in (
            "INSTEAD NOTHING",
            "(SELECT 1; SELECT 2)",
            "ALSO (SELECT 1; SELECT 2;)",
            "ALSO (SELECT (1); SELECT ')';)",
            "(SELECT 1; /* ) */ SELECT 2)",
            "(SELECT $$)$$; -- )\n SELECT 2)",
        )
    ),
    ("CREATE TABLE a (b int DEFAULT (1));SELECT 2", ["CREATE TABLE a (b int DEFAULT (1))", "SELECT 2"]),
    # Bodies in SQL
    *(
        ((form := _postgresql_function(body)) + ";SELECT 3", [form, "SELECT 3"])
        for body in (
            "RETURN a + 1",
            "AS 'SELECT 1; SELECT 2;'",
            "BEGIN ATOMIC SELECT 1; END",
            "begin atomic select 1; select 2; end",
            "BEGIN ATOMIC END",
            "BEGIN /* ; */ ATOMIC -- ;\n SELECT 1; END",
            "BEGIN ATOMIC SELECT CASE WHEN a = 1 THEN 2 END; SELECT 3; END",
            "BEGIN ATOMIC SELECT CASE a WHEN 1 THEN CASE a WHEN 2 THEN 3 END END; SELECT 3; END",
            "BEGIN ATOMIC SELECT (CASE WHEN a = 1 THEN 2 END); SELECT 3; END",
            "BEGIN ATOMIC SELECT t.end FROM t; SELECT t.case FROM t; END",
            "BEGIN ATOMIC SELECT 1 AS end; SELECT 2 AS case; END",
            'BEGIN ATOMIC SELECT 1 AS "END"; SELECT "case" FROM t; END',
            "BEGIN ATOMIC SELECT 'END;'; SELECT $$END;$$; END",
            "BEGIN ATOMIC SELECT begin FROM t; SELECT 2; END",
            "BEGIN ATOMIC INSERT INTO t VALUES (1); DELETE FROM t; END",
        )
    ),
    (
        "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END;CALL p();",
        ["CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END", "CALL p()"],
    ),
    (
        "CREATE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END;CALL p();",
        ["CREATE PROCEDURE p() BEGIN ATOMIC DELETE FROM t; END", "CALL p()"],
    ),
    ("SELECT begin atomic FROM t;SELECT 2", ["SELECT begin atomic FROM t", "SELECT 2"]),
    ("CREATE TABLE begin (atomic int);SELECT 2", ["CREATE TABLE begin (atomic int)", "SELECT 2"]),
    (
        "CREATE VIEW v AS SELECT function, begin atomic;SELECT 2",
        ["CREATE VIEW v AS SELECT function, begin atomic", "SELECT 2"],
    ),
    ("CREATE VIEW function AS SELECT 1;SELECT 2", ["CREATE VIEW function AS SELECT 1", "SELECT 2"]),
    ("BEGIN;SELECT 1;END;SELECT 2", ["BEGIN", "SELECT 1", "END", "SELECT 2"]),
    (
        "CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
        ["CREATE TRIGGER r AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"],
    ),
    # COPY where no data follow
    ("COPY stdin TO STDOUT;SELECT 2", ["COPY stdin TO STDOUT", "SELECT 2"]),
    ("COPY t TO STDOUT;SELECT 2", ["COPY t TO STDOUT", "SELECT 2"]),
    ("COPY t FROM '/tmp/stdin';SELECT 2", ["COPY t FROM '/tmp/stdin'", "SELECT 2"]),
    ("COPY (SELECT 1 FROM stdin) TO STDOUT;SELECT 2", ["COPY (SELECT 1 FROM stdin) TO STDOUT", "SELECT 2"]),
    ("SELECT copy FROM stdin;SELECT 2", ["SELECT copy FROM stdin", "SELECT 2"]),
]

POSTGRESQL_UNCONFIRMED: list[Script] = [
    ("DELIMITER //\nSELECT 1;SELECT 2", ["DELIMITER //\nSELECT 1", "SELECT 2"]),
    ("SELECT $$;SELECT 2", ["SELECT $$;SELECT 2"]),
    ("SELECT $a$;$$;SELECT 2;", ["SELECT $a$;$$;SELECT 2;"]),
    ('SELECT "a;SELECT 2', ['SELECT "a;SELECT 2']),
    (r"SELECT E'a\';SELECT 2", [r"SELECT E'a\';SELECT 2"]),
    ("SELECT 1 /* /* */;SELECT 2", ["SELECT 1"]),
    ("SELECT 1);SELECT (2;3", ["SELECT 1)", "SELECT (2;3"]),
    ("SELECT $a;SELECT 2", ["SELECT $a", "SELECT 2"]),
    ("SELECT $1$$;$$;SELECT 2", ["SELECT $1$$;$$", "SELECT 2"]),
    (f"SELECT (1;\n{BREAK}\nSELECT 2)", ["SELECT (1;", "SELECT 2)"]),
]


# What the client of MySQL and MariaDB takes apart as it is.
MYSQL_FOR_CLIENT: list[Script] = [
    # Strings and names
    (r"SELECT '\'';SELECT 2", [r"SELECT '\''", "SELECT 2"]),
    (r"SELECT '\\';SELECT 2", [r"SELECT '\\'", "SELECT 2"]),
    (r"SELECT 'a\\\';';SELECT 2", [r"SELECT 'a\\\';'", "SELECT 2"]),
    (r"SELECT 'a''\';';SELECT 2", [r"SELECT 'a''\';'", "SELECT 2"]),
    ('SELECT "a;";SELECT 2', ['SELECT "a;"', "SELECT 2"]),
    (r'SELECT "a\";";SELECT 2', [r'SELECT "a\";"', "SELECT 2"]),
    ('SELECT "a"";";SELECT 2', ['SELECT "a"";"', "SELECT 2"]),
    ("SELECT \"it's\";SELECT 'a\"b;'", ['SELECT "it\'s"', "SELECT 'a\"b;'"]),
    ("SELECT 1 AS `a;`;SELECT 2", ["SELECT 1 AS `a;`", "SELECT 2"]),
    ("SELECT 1 AS `a``;`;SELECT 2", ["SELECT 1 AS `a``;`", "SELECT 2"]),
    ("SELECT 1 AS `a'`;SELECT '2'", ["SELECT 1 AS `a'`", "SELECT '2'"]),
    ("SELECT 1 AS `a\\`;SELECT 2", ["SELECT 1 AS `a\\`", "SELECT 2"]),
    ("SELECT _utf8mb4'a;', x'3b', N'a;', b'01';SELECT 2", ["SELECT _utf8mb4'a;', x'3b', N'a;', b'01'", "SELECT 2"]),
    ("SELECT 'a' 'b;' \"c;\";SELECT 2", ["SELECT 'a' 'b;' \"c;\"", "SELECT 2"]),
    ("SELECT 1 AS 1st;SELECT 2 AS $a$;", ["SELECT 1 AS 1st", "SELECT 2 AS $a$"]),
    ("SELECT 1 AS é;SELECT 2 AS naïve;", ["SELECT 1 AS é", "SELECT 2 AS naïve"]),
    # Comments
    ("SELECT 5--1;SELECT 2", ["SELECT 5--1", "SELECT 2"]),
    ("SELECT 5--\n+1;SELECT 2", ["SELECT 5--\n+1", "SELECT 2"]),
    ("SELECT 5 --\t; a\n+ 1;SELECT 2", ["SELECT 5 --\t; a\n+ 1", "SELECT 2"]),
    ("SELECT 1 # a; it's\n+ 1;SELECT 2", ["SELECT 1 # a; it's\n+ 1", "SELECT 2"]),
    ("SELECT 1;# a\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("#a\nSELECT 1;#b;", ["SELECT 1"]),
    ("SELECT 1 /* /* ; */;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT 4 /2;SELECT 4 */* ; */ 2", ["SELECT 4 /2", "SELECT 4 */* ; */ 2"]),
    ("SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1;SELECT 2", ["SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1", "SELECT 2"]),
    # Comments that are executed
    ("/*! SELECT 1 */;SELECT 2", ["/*! SELECT 1 */", "SELECT 2"]),
    ("/*!40101 SET @a = 1 */;/*M!100100 SET @a = 2 */;", ["/*!40101 SET @a = 1 */", "/*M!100100 SET @a = 2 */"]),
    ("SELECT 1 /*!40101 + 1 */;SELECT 2", ["SELECT 1 /*!40101 + 1 */", "SELECT 2"]),
    ("/* a */ /*!40101 SET @a = ';' */ /* b */;SELECT 2", ["/*!40101 SET @a = ';' */", "SELECT 2"]),
    ("/*!40101 SET @a = '*/' */;SELECT 2", ["/*!40101 SET @a = '*/' */", "SELECT 2"]),
    ("/*!40101 SET @a = 1 */ ;/*!40101 SET @a = 2 */", ["/*!40101 SET @a = 1 */", "/*!40101 SET @a = 2 */"]),
    # The client's delimiters
    ("DELIMITER //\nSELECT ';'//\nSELECT 2//\nDELIMITER ;\nSELECT 3;", ["SELECT ';'", "SELECT 2", "SELECT 3"]),
    ("delimiter $$\nSELECT 1$$\nSELECT 2 $$", ["SELECT 1", "SELECT 2"]),
    ("DELIMITER $$\nSELECT 1 AS a$$SELECT 2 AS b$$", ["SELECT 1 AS a", "SELECT 2 AS b"]),
    ("DELIMITER ;;\nSELECT 1;;\nSELECT 2;;\nDELIMITER ;\nSELECT 3;", ["SELECT 1", "SELECT 2", "SELECT 3"]),
    ("DELIMITER |\nSELECT 1|SELECT 2 |\nDELIMITER ;\nSELECT 3;", ["SELECT 1", "SELECT 2", "SELECT 3"]),
    ("DELIMITER |\nSELECT '|' FROM t AS `a|`|\nSELECT 2|", ["SELECT '|' FROM t AS `a|`", "SELECT 2"]),
    ("DELIMITER //\nSELECT 1 /* // */ + 2 -- //\n+ 3//\nSELECT 4//", ["SELECT 1 /* // */ + 2 -- //\n+ 3", "SELECT 4"]),
    ("DELIMITER go\nSELECT 1 go SELECT 2\ngo\nDELIMITER ;\nSELECT 3;", ["SELECT 1", "SELECT 2", "SELECT 3"]),
    ("DELIMITER END\nSELECT 1 END\nSELECT 'END' END", ["SELECT 1", "SELECT 'END'"]),
    ("DELIMITER 1\nSELECT 2001SELECT 3 1", ["SELECT 200", "SELECT 3"]),
    ("DELIMITER --\nSELECT 1--\nSELECT 2--", ["SELECT 1", "SELECT 2"]),
    ("DELIMITER #\nSELECT 1#SELECT 2#", ["SELECT 1", "SELECT 2"]),
    ("DELIMITER .*\nSELECT t.a FROM t.*\nSELECT 2.*", ["SELECT t.a FROM t", "SELECT 2"]),
    ("DELIMITER '//'\nSELECT 1//\nDELIMITER \"$$\"\nSELECT 2$$", ["SELECT 1", "SELECT 2"]),
    ("DELIMITER `@@`\nSELECT 1@@", ["SELECT 1"]),
    ("DELIMITER // -- from now on\nSELECT 1//\nSELECT 2//", ["SELECT 1", "SELECT 2"]),
    ("DELIMITER // and more; 'of it\nSELECT 1//\nSELECT 2//", ["SELECT 1", "SELECT 2"]),
    ("  \tDeLiMiTeR\t //\nSELECT 1//", ["SELECT 1"]),
    ("DELIMITER //\n\n\nDELIMITER $$\nSELECT 1$$", ["SELECT 1"]),
    ("SELECT 1;\n-- a\nDELIMITER //\nSELECT 2//", ["SELECT 1", "SELECT 2"]),
    ("SELECT '\nDELIMITER //\n';SELECT 2", ["SELECT '\nDELIMITER //\n'", "SELECT 2"]),
    ("SELECT 1 /*\nDELIMITER //\n*/ + 1;SELECT 2", ["SELECT 1 /*\nDELIMITER //\n*/ + 1", "SELECT 2"]),
    ("DELIMITER //\n/*!50003 SELECT 1 */ //\nSELECT 2//", ["/*!50003 SELECT 1 */", "SELECT 2"]),
    (
        "CREATE TABLE c (\n  delimiter CHAR(1),\nx INT);SELECT 2",
        ["CREATE TABLE c (\n  delimiter CHAR(1),\nx INT)", "SELECT 2"],
    ),
    # As mysqldump writes triggers
    (
        "DELIMITER ;;\n/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER r BEFORE INSERT ON t\n"
        "FOR EACH ROW BEGIN SET NEW.a = 1; END */;;\nDELIMITER ;\n/*!50003 SET @a = 1 */ ;\n",
        [
            "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER r BEFORE INSERT ON t\n"
            "FOR EACH ROW BEGIN SET NEW.a = 1; END */",
            "/*!50003 SET @a = 1 */",
        ],
    ),
    # What begins no block
    ("BEGIN;INSERT INTO t (a) VALUES (1);COMMIT", ["BEGIN", "INSERT INTO t (a) VALUES (1)", "COMMIT"]),
    ("BEGIN WORK;SELECT 1;ROLLBACK WORK", ["BEGIN WORK", "SELECT 1", "ROLLBACK WORK"]),
    ("XA BEGIN 'x';XA END 'x';XA ROLLBACK 'x';", ["XA BEGIN 'x'", "XA END 'x'", "XA ROLLBACK 'x'"]),
    *(
        (f"{plain};SELECT 2", [plain, "SELECT 2"])
        for plain in (
            "SELECT IF(1, 2, 3), REPEAT('a', 2)",
            "CREATE TABLE IF NOT EXISTS x (a INT)",
            "DROP PROCEDURE IF EXISTS p",
            "CREATE TABLE event (begin INT, end INT)",
            "CREATE TABLE `trigger` (a INT)",
            "SELECT begin.end FROM (SELECT 1 AS end) begin",
            "CREATE VIEW v AS SELECT 1 AS begin",
            "CREATE DEFINER=root@localhost VIEW v AS SELECT 1",
            "CREATE DEFINER=event@localhost SQL SECURITY INVOKER VIEW v AS SELECT IF(1, 2, 3)",
            "CREATE SEQUENCE event",
            "SELECT a FROM t FOR UPDATE",
            "REPLACE INTO t (a) VALUES (1)",
            "SELECT CASE WHEN end > 1 THEN end ELSE b END FROM t",
            "CREATE PROCEDURE p() SELECT IF(1, 2, 3)",
            "CREATE PROCEDURE p(x INT, OUT y DECIMAL(10,2)) SET y = CASE x WHEN 1 THEN 2 ELSE IF(x, 1, 2) END",
            "CREATE PROCEDURE p() DO SLEEP(IF(1, 0, 0))",
            "CREATE PROCEDURE begin() SELECT REPEAT('a', 2)",
            "CREATE PROCEDURE p() (SELECT 1) UNION (SELECT IF(1, 2, 3))",
            "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN IF(1, 2, 3)",
            "CREATE FUNCTION f() RETURNS CHAR(9) CHARACTER SET utf8mb4 RETURN REPEAT('a', 2)",
            "CREATE FUNCTION f() RETURNS SET('a;', 'b') NO SQL COMMENT 'BEGIN' RETURN CASE 1 WHEN 1 THEN 'b' END",
            "CREATE TRIGGER end BEFORE INSERT ON t FOR EACH ROW SET NEW.a = IF(NEW.end, 1, 2)",
            "CREATE TRIGGER r AFTER UPDATE ON t FOR EACH ROW INSERT INTO u SET a = REPEAT('1', 2)",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO UPDATE t SET a = IF(a, 1, 2)",
            "CREATE EVENT e ON SCHEDULE EVERY IF(1, 2, 3) DAY DO SELECT 1",
        )
    ),
]

MYSQL_BODIES = (
    "BEGIN END",
    "BEGIN SELECT 1; END",
    "begin select 1; select 2; end",
    "BEGIN BEGIN END; BEGIN SELECT 1; END; SELECT 2; END",
    "x: BEGIN LEAVE x; END x",
    "BEGIN x: BEGIN LEAVE x; END; END",
    "BEGIN `END`: BEGIN SELECT 1; END `END`; END",
    "BEGIN SELECT ';END;' AS `;END;`; END",
    "BEGIN /* ; END; */ SELECT 1; -- ; END;\n# ; END;\nEND",
    "BEGIN SELECT IF(1, 2, 3); SELECT REPEAT('a', 2); SELECT INSERT('a', 1, 2, 'b'); END",
    "BEGIN IF 1 THEN SELECT 1; END IF; END",
    "BEGIN IF(1) THEN SELECT 1; END IF; END",
    "BEGIN IF (1) = IF(1, 2, 3) THEN SELECT IF(1, 2, 3); END IF; END",
    "BEGIN IF NOT EXISTS (SELECT 1) THEN SELECT 1; ELSE IF 1 THEN SELECT 2; END IF; END IF; END",
    "BEGIN IF 1 THEN IF 2 THEN SELECT 1; END IF; ELSEIF 3 THEN IF 4 THEN SELECT 2; END IF; END IF; END",
    "BEGIN IF CASE WHEN 1 THEN 2 END THEN IF 1 THEN SELECT 1; END IF; END IF; END",
    "BEGIN IF CASE WHEN 1 THEN (2) END THEN IF 1 THEN SELECT 1; END IF; END IF; END",
    "BEGIN DECLARE end INT; IF CASE WHEN end THEN IF(1, 2, 3) END THEN SELECT 1; END IF; SELECT 2; END",
    "BEGIN DECLARE end INT; IF CASE WHEN 1 = end THEN IF(1, 2, 3) END THEN SELECT 1; END IF; SELECT 2; END",
    "BEGIN IF CASE WHEN (SELECT end FROM t) THEN IF(1, 2, 3) END THEN SELECT 1; END IF; SELECT 2; END",
    "BEGIN IF @case THEN IF 1 THEN SELECT 1; END IF; END IF; SELECT 2; END",
    "BEGIN FOR x IN (SELECT 1 AS `case`) DO IF x.case THEN IF 1 THEN SELECT 1; END IF; END IF; END FOR; END",
    "BEGIN IF 1 THEN BEGIN END; ELSE BEGIN END; END IF; SELECT 1; END",
    "BEGIN CASE 1 WHEN 1 THEN SELECT 1; WHEN 2 THEN SELECT 2; ELSE SELECT 3; END CASE; END",
    "BEGIN CASE WHEN 1 THEN IF 1 THEN SELECT 1; END IF; ELSE IF 2 THEN SELECT 2; END IF; END CASE; END",
    "BEGIN CASE CASE 1 WHEN 1 THEN 2 END WHEN 2 THEN CASE 3 WHEN 3 THEN SELECT 1; END CASE; END CASE; END",
    "BEGIN SELECT CASE 1 WHEN 1 THEN IF(1, 2, 3) ELSE REPEAT('a', 2) END; END",
    "BEGIN SELECT CASE WHEN 1 THEN CASE WHEN 2 THEN 3 END END, 4; END",
    "BEGIN SELECT CASE (SELECT end FROM t LIMIT 1) WHEN t.end THEN end ELSE - end END AS end, end FROM t; END",
    "BEGIN SELECT CASE WHEN 1 BETWEEN begin AND end THEN 1 END FROM t; SELECT 2; END",
    "BEGIN SELECT end FROM t; SELECT begin FROM t; SELECT t.end, t.begin, end.case FROM t, t AS end; END",
    "BEGIN DECLARE begin, end INT; SET begin = 1, end = 2; SET @end = end; SET @case = @begin; END",
    "BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO SET i = i + 1; END WHILE; END",
    "BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO IF i THEN SET i = 3; END IF; DO IF(1, 2, 3); END WHILE; END",
    "BEGIN DECLARE i INT DEFAULT 0; WHILE i < 2 DO DO IF(1, 2, 3); SET i = 3; END WHILE; END",
    "BEGIN DECLARE i INT DEFAULT 0; REPEAT SET i = i + 1; UNTIL i > 1 END REPEAT; SELECT 1; END",
    "BEGIN REPEAT REPEAT SELECT 1; UNTIL 1 END REPEAT; UNTIL CASE WHEN 1 THEN 1 END END REPEAT; SELECT 1; END",
    "BEGIN DECLARE end INT DEFAULT 1; REPEAT SET end = 2; UNTIL end > 1 AND end END REPEAT; SELECT 1; END",
    "BEGIN REPEAT SELECT 1; UNTIL (SELECT end FROM t) END REPEAT; SELECT 1; END",
    "BEGIN REPEAT IF 1 THEN SELECT 1; END IF; UNTIL 1 END REPEAT; SELECT 1; END",
    "BEGIN SELECT until FROM t; SELECT 1; END",
    "BEGIN x: LOOP LEAVE x; END LOOP; SELECT 1; END",
    "BEGIN x: LOOP IF 1 THEN LEAVE x; END IF; ITERATE x; END LOOP x; SELECT 1; END",
    "BEGIN y: WHILE 0 DO x: REPEAT LEAVE x; UNTIL 1 END REPEAT x; END WHILE y; END",
    "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; END; SELECT 1; END",
    "BEGIN DECLARE x INT; DECLARE CONTINUE HANDLER FOR NOT FOUND SET x = IF(1, 2, 3); SELECT 1; END",
    "BEGIN DECLARE CONTINUE HANDLER FOR SQLSTATE '02000', SQLSTATE '23000' BEGIN SELECT 1; END; SELECT 2; END",
    "BEGIN DECLARE CONTINUE HANDLER FOR SQLSTATE VALUE '02000' BEGIN SELECT 1; END; SELECT 2; END",
    "BEGIN DECLARE x INT; DECLARE CONTINUE HANDLER FOR NOT FOUND SET x = (IF(1, 2, 3)); SELECT 1; END",
    "BEGIN DECLARE EXIT HANDLER FOR 1051, 1061, SQLWARNING, NOT FOUND BEGIN SELECT 1; END; SELECT 2; END",
    "BEGIN DECLARE c CONDITION FOR 1051; DECLARE EXIT HANDLER FOR c IF 1 THEN SELECT 1; END IF; SELECT 2; END",
    "BEGIN DECLARE EXIT HANDLER FOR NOT FOUND CASE 1 WHEN 1 THEN SELECT 1; END CASE; SELECT 2; END",
    "BEGIN DECLARE c CURSOR FOR SELECT IF(1, 2, 3); SELECT 1; END",
    "BEGIN DECLARE c CURSOR FOR SELECT a FROM t FOR UPDATE; OPEN c; CLOSE c; END",
    "BEGIN SELECT 1 INTO @x FROM t FOR UPDATE; PREPARE s FROM 'SELECT 1; END'; EXECUTE s; END",
    "BEGIN CREATE TABLE IF NOT EXISTS x (a INT); DROP TABLE IF EXISTS x; END",
    "BEGIN START TRANSACTION; INSERT INTO t (a) VALUES (1); COMMIT; END",
    "BEGIN FOR i IN 1..2 DO IF i THEN SELECT i; END IF; END FOR; SELECT 1; END",
    "IF 1 THEN SELECT 1; ELSE SELECT 2; END IF",
    "CASE 1 WHEN 1 THEN IF 1 THEN SELECT 1; END IF; ELSE SELECT 2; END CASE",
    "WHILE 0 DO SELECT 1; END WHILE",
    "REPEAT SELECT 1; UNTIL 1 END REPEAT",
    "x: LOOP SELECT 1; LEAVE x; END LOOP x",
    "/*!50003 BEGIN SELECT 1; END */",
    "BEGIN /*!50003 SELECT 1; */ SELECT 2; END",
)

MYSQL_PROGRAMS = (
    "CREATE PROCEDURE p()",
    "create procedure if not exists begin()",
    "CREATE DEFINER=`root`@`localhost` PROCEDURE p(IN x INT, OUT end DECIMAL(10,2))",
    "CREATE OR REPLACE DEFINER=root@localhost PROCEDURE `p;`()",
    "CREATE DEFINER = CURRENT_USER() PROCEDURE p() LANGUAGE SQL NOT DETERMINISTIC READS SQL DATA SQL SECURITY INVOKER",
    "CREATE DEFINER=root@db.example.com PROCEDURE p(x DECIMAL(10,2), begin INT)",
    "CREATE PROCEDURE p() COMMENT 'BEGIN ;' MODIFIES SQL DATA",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS CURRENT_TIMESTAMP + INTERVAL IF(1, 2, 3) DAY DO",
    "CREATE EVENT IF NOT EXISTS begin ON SCHEDULE AT '2037-01-01' ON COMPLETION PRESERVE DISABLE COMMENT 'DO' DO",
    "/*!50003 CREATE*/ /*!50020 DEFINER=`root`@`localhost`*/ /*!50003 PROCEDURE p() */",
)

# In functions and triggers nothing may be shown.
MYSQL_FUNCTION_BODIES = (
    "BEGIN SET @a = 1; IF 1 THEN SET @a = 2; END IF; RETURN 1; END",
    "IF 1 THEN RETURN 1; ELSE RETURN IF(1, 2, 3); END IF",
    "CASE 1 WHEN 1 THEN RETURN 1; ELSE RETURN CASE 1 WHEN 1 THEN 2 END; END CASE",
)

MYSQL_FUNCTIONS = (
    "CREATE FUNCTION f() RETURNS INT",
    "CREATE FUNCTION f(end INT, x ENUM('a;', 'b')) RETURNS DECIMAL(10,2) UNSIGNED DETERMINISTIC",
    "CREATE FUNCTION IF NOT EXISTS f() RETURNS VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NO SQL",
    "CREATE FUNCTION f() RETURNS SET('1', '2') CONTAINS SQL COMMENT 'SELECT'",
)

MYSQL_TRIGGERS = (
    "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW",
    "CREATE TRIGGER end AFTER UPDATE ON t FOR EACH ROW",
    "CREATE TRIGGER r BEFORE DELETE ON `t` FOR EACH ROW FOLLOWS begin",
    "CREATE TRIGGER r BEFORE DELETE ON `t` FOR EACH ROW PRECEDES begin",
)

MYSQL_TRIGGER_BODIES = (
    "BEGIN SET @a = 1; SET @b = 2; END",
    "IF 1 THEN SET @a = IF(1, 2, 3); END IF",
    "BEGIN IF 1 THEN SET @a = CASE WHEN 1 THEN 2 END; END IF; INSERT INTO u (a) VALUES (1); END",
    "CASE 1 WHEN 1 THEN SET @a = 1; ELSE BEGIN END; END CASE",
)

MYSQL_COMPOUNDS = (
    *(f"CREATE PROCEDURE p() {body}" for body in MYSQL_BODIES),
    *(f"{program} BEGIN IF 1 THEN SELECT 1; END IF; END" for program in MYSQL_PROGRAMS),
    *(f"{program} IF 1 THEN SELECT 1; END IF" for program in MYSQL_PROGRAMS),
    *(f"{program} {body}" for program in MYSQL_FUNCTIONS for body in MYSQL_FUNCTION_BODIES),
    *(f"{program} {body}" for program in MYSQL_TRIGGERS for body in MYSQL_TRIGGER_BODIES),
    "CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT BEGIN DECLARE EXIT HANDLER FOR NOT FOUND RETURN 1; "
    "LOOP FETCH GROUP NEXT ROW; END LOOP; END",
    # MariaDB's compound statements outside of programs
    "BEGIN NOT ATOMIC SELECT 1; END",
    "BEGIN NOT ATOMIC DECLARE x INT DEFAULT 1; IF x THEN SELECT 1; END IF; BEGIN END; END",
    "BEGIN NOT ATOMIC IF 1 THEN SELECT 1; END IF; END",
    "IF 1 THEN SELECT 1; ELSEIF 2 THEN SELECT 2; END IF",
    "CASE 1 WHEN 1 THEN SELECT 1; ELSE SELECT 2; END CASE",
    "WHILE 0 DO SELECT 1; END WHILE",
    "REPEAT SELECT 1; UNTIL 1 END REPEAT",
    "FOR i IN 1..2 DO SELECT i; END FOR",
    "FOR x IN (SELECT a FROM t) DO IF x.a THEN SELECT x.a; END IF; END FOR",
)

# What the server takes statement by statement, and MariaDB's client not as it is.
MYSQL: list[Script] = [
    *((f"{compound};\nSELECT 2;", [compound, "SELECT 2"]) for compound in MYSQL_COMPOUNDS),
    ("ALTER EVENT begin DO BEGIN SELECT 1; END;SELECT 2", ["ALTER EVENT begin DO BEGIN SELECT 1; END", "SELECT 2"]),
    # Within a delimiter of one's own, the server itself still parts plain statements by semicolons.
    (
        "DELIMITER //\nDROP PROCEDURE IF EXISTS p;\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nSELECT 1; SELECT 2 //",
        ["DROP PROCEDURE IF EXISTS p", "CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 1", "SELECT 2"],
    ),
    ("DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END; ; //", ["CREATE PROCEDURE p() BEGIN SELECT 1; END"]),
    # As the client of MySQL takes it
    ("SELECT 1; DELIMITER //\nSELECT 2//", ["SELECT 1", "SELECT 2"]),
    ("SELECT 1;DELIMITER //\nSELECT 2//DELIMITER ;\nSELECT 3;", ["SELECT 1", "SELECT 2", "SELECT 3"]),
    ("/* a */ DELIMITER //\nSELECT ';'//", ["SELECT ';'"]),
    (
        "DELIMITER //\nCREATE PROCEDURE p() BEGIN END\nDELIMITER ;\nSELECT 2;",
        ["CREATE PROCEDURE p() BEGIN END", "SELECT 2"],
    ),
    ("DELIMITER //\r\nSELECT 1//\r\nDELIMITER ;\r\nSELECT 2;\r\n", ["SELECT 1", "SELECT 2"]),
    ("--a;\nSELECT 1;--b;\nSELECT 2", ["SELECT 1", "SELECT 2"]),
    ("--", []),
    ("SELECT 1;--b", ["SELECT 1"]),
    ("/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\nSELECT 1;", ["SELECT 1"]),
    ("/*!99999 never */;SELECT 1", ["SELECT 1"]),
    (f"DELIMITER //\nSELECT 1\n{BREAK}\nSELECT 2//\nSELECT 3", ["SELECT 1", "SELECT 2", "SELECT 3"]),
]

MYSQL_UNCONFIRMED: list[Script] = [
    ("SELECT `a;SELECT 2", ["SELECT `a;SELECT 2"]),
    (r"SELECT 'a\';SELECT 2", [r"SELECT 'a\';SELECT 2"]),
    (r'SELECT "a\";SELECT 2', [r'SELECT "a\";SELECT 2']),
    ("SELECT 'a\\", ["SELECT 'a\\"]),
    ("/*! SELECT 1;SELECT 2", ["/*! SELECT 1;SELECT 2"]),
    ("/*!40101 SET @a = 1; */;SELECT 2", ["/*!40101 SET @a = 1; */", "SELECT 2"]),
    (
        "CREATE TABLE c (\ndelimiter CHAR(1),\nx INT);SELECT 2",
        ["CREATE TABLE c (\ndelimiter CHAR(1),\nx INT)", "SELECT 2"],
    ),
    ("SELECT 1 */;SELECT 2", ["SELECT 1 */", "SELECT 2"]),
    ("SELECT 1 --> 2;SELECT 2", ["SELECT 1 --> 2", "SELECT 2"]),
    ("SELECT (1;SELECT 2", ["SELECT (1", "SELECT 2"]),
    (
        "CREATE PROCEDURE p() BEGIN SELECT CASE 1; END;SELECT 2",
        ["CREATE PROCEDURE p() BEGIN SELECT CASE 1; END", "SELECT 2"],
    ),
    ("CREATE PROCEDURE p() BEGIN SELECT (1; END;SELECT 2", ["CREATE PROCEDURE p() BEGIN SELECT (1; END", "SELECT 2"]),
    (
        "CREATE FUNCTION f RETURNS INT SONAME 'f.so';SELECT 2",
        ["CREATE FUNCTION f RETURNS INT SONAME 'f.so'", "SELECT 2"],
    ),
    ("END;END IF;SELECT 1", ["END", "END IF", "SELECT 1"]),
    ("DELIMITER;SELECT 1", ["DELIMITER", "SELECT 1"]),
    ("DELIMITERS //;SELECT 1", ["DELIMITERS //", "SELECT 1"]),
    ("SELECT 1\nDELIMITER 'a'\n;SELECT 2", ["SELECT 1\nDELIMITER 'a'", "SELECT 2"]),
    ("SELECT\ndelimiter x\nFROM t;SELECT 2", ["SELECT\ndelimiter x\nFROM t", "SELECT 2"]),
    ("SELECT 1 DELIMITER //\n;SELECT 2", ["SELECT 1 DELIMITER //", "SELECT 2"]),
    ("SELECT a ||\ndelimiter || b;SELECT 2", ["SELECT a ||\ndelimiter || b", "SELECT 2"]),
    ("DELIMITER //\nCREATE PROCEDURE p() SELECT 1; END//", ["CREATE PROCEDURE p() SELECT 1; END"]),
    ("DELIMITER //\nIF 1 THEN SELECT 1; END IF; SELECT 2//", ["IF 1 THEN SELECT 1; END IF; SELECT 2"]),
    # Those in the mode that is called ORACLE need a delimiter, which ends them.
    (
        "DELIMITER //\nDECLARE x INT; BEGIN NULL; END//\nCREATE PACKAGE p AS PROCEDURE q; END//\nSELECT 1//",
        ["DECLARE x INT; BEGIN NULL; END", "CREATE PACKAGE p AS PROCEDURE q; END", "SELECT 1"],
    ),
]
