-- What the journal says in Chinese, too.

-- +goose Up

ALTER TABLE console_journal ADD COLUMN said_zh TEXT NOT NULL DEFAULT ''; -- '' of entries from before
