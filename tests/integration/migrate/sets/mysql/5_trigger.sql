-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

DELIMITER //
CREATE TRIGGER noted AFTER INSERT ON orders FOR EACH ROW BEGIN
    INSERT INTO log (said) VALUES ('order;');
END//
DELIMITER ;
INSERT INTO orders (id, user_id) VALUES (7, 1);
