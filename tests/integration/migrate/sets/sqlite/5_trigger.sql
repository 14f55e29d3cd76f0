-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TRIGGER noted AFTER INSERT ON orders BEGIN
    INSERT INTO log (said) VALUES (CASE WHEN NEW.price IS NULL THEN 'none' ELSE 'one;' END);
END;
INSERT INTO orders (user_id) VALUES (1);
