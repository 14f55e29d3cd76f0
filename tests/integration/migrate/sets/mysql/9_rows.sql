-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

INSERT INTO said (said) VALUES ('nine');
DELETE FROM said WHERE said = 'after four';
REPLACE INTO users (id, name) VALUES (7, 'seven');
