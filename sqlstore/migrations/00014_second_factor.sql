-- The second factors of staff.

-- +goose Up

CREATE TABLE console_factor (
	staff  TEXT   NOT NULL PRIMARY KEY,
	sealed BYTEA  NOT NULL, -- the secret
	step   BIGINT NOT NULL  -- of the last code that was used: each is good once
);

CREATE TABLE console_recovery (
	staff TEXT  NOT NULL,
	hash  BYTEA NOT NULL, -- SHA-256 of a code of 10 random bytes
	PRIMARY KEY (staff, hash)
);
