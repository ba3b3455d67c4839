-- Where a job is worked on, or was last.

-- +goose Up

ALTER TABLE job ADD COLUMN node TEXT NOT NULL DEFAULT '';
