-- A conflict that somebody has decided to leave as it is.

-- +goose Up

ALTER TABLE conflict ADD COLUMN dismissed BIGINT; -- NULL while it has to be looked at
ALTER TABLE conflict ADD COLUMN dismissed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE conflict ADD COLUMN dismissed_why TEXT NOT NULL DEFAULT '';
