-- Access tokens of the legacy kind: each new one retires the one before, so that all
-- nodes must use the same, and only one of them may get the next.

-- +goose Up

CREATE TABLE custody (
	appid    TEXT   NOT NULL PRIMARY KEY,
	sealed   BYTEA,           -- the token, sealed under the master key; NULL before the first
	fence    BIGINT NOT NULL, -- how often the row was reserved; only the last reservation may write
	holder   TEXT   NOT NULL, -- who is getting the next token
	until_at BIGINT NOT NULL  -- the end of the reservation
);
