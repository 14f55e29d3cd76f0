-- SPDX-FileCopyrightText: Shipshape contributors
-- SPDX-License-Identifier: GPL-3.0-or-later

-- The release with this fault knows the new name; whatever runs beside it does not.
ALTER TABLE "leads" RENAME COLUMN "phone" TO "telephone";
