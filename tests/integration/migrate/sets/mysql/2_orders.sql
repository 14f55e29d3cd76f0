-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

CREATE TABLE orders (
    id INT PRIMARY KEY,
    user_id INT NOT NULL,
    price DECIMAL(10, 2),
    FOREIGN KEY (user_id) REFERENCES users (id)
);
INSERT INTO orders (id, user_id, price) SELECT id, id, 10 FROM users;
