-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- What only an administrator can make, and what has to go on where it was.

SET sql_mode = '', NAMES utf8mb4;
CREATE TABLE large (id INT PRIMARY KEY, b LONGBLOB, t LONGTEXT);
INSERT INTO large VALUES (1, REPEAT(x'00ff0a275c', :repeats), NULL), (2, '', REPEAT('ä😀', 10000));
CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, `select` INT UNIQUE);
INSERT INTO counted (`select`) VALUES (1), (2), (3);
DELETE FROM counted WHERE `select` = 3;
CREATE SEQUENCE exact START WITH 100 INCREMENT BY 10 NOCACHE;
DO NEXTVAL(exact), NEXTVAL(exact);
DELIMITER ;;
CREATE DEFINER = app@`%` TRIGGER noted AFTER INSERT ON counted FOR EACH ROW INSERT INTO log VALUES (NEW.id);;
CREATE DEFINER = `gone ä`@localhost PROCEDURE orphan() SQL SECURITY DEFINER SELECT 1;;
CREATE DEFINER = `gone ä`@localhost EVENT orphaned ON SCHEDULE EVERY 1 DAY DO DELETE FROM counted;;
CREATE DEFINER = app@`%` FUNCTION told() RETURNS TEXT CHARSET utf8mb4 READS SQL DATA SQL SECURITY DEFINER
    RETURN CONCAT(CURRENT_USER(), (SELECT COUNT(*) FROM counted));;
DELIMITER ;
CREATE DEFINER = app@`%` VIEW of_app AS SELECT id, `select` FROM counted WHERE id < 100;
CREATE DEFINER = app@`%` VIEW above_of_app AS SELECT id FROM of_app;
CREATE DEFINER = app@`%` SQL SECURITY INVOKER VIEW invoked AS SELECT id FROM above_of_app;
CREATE VIEW over_all AS SELECT id FROM invoked;
