-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE PROCEDURE tidy()
BEGIN
    IF 1 THEN DELETE FROM log WHERE said = 'never'; END IF;
END;
CREATE FUNCTION twice(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;
